#pragma once

namespace epicrisis::storage {
class LogStore;
}

namespace epicrisis::api::aws {

class Front;

/// CloudWatch Logs, reading: DescribeLogGroups, DescribeLogStreams, GetLogEvents, FilterLogEvents. `logs`
/// outlives the front.
void add_logs_operations(Front& front, storage::LogStore& logs);

}  // namespace epicrisis::api::aws
