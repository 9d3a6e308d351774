#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "server/detail/server_context.hpp"

namespace epicrisis::server::detail {

/// Serves the requests of `socket`, whose executor is a strand, until either side closes. The connection is
/// in `context.sessions` until then. With `refuse` it is told once that the server is full. `context`
/// outlives the socket's executor.
void serve_connection(boost::asio::ip::tcp::socket socket, ServerContext& context, bool refuse);

}  // namespace epicrisis::server::detail
