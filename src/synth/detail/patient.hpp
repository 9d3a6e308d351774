#pragma once

#include "synth/scenario.hpp"

namespace epicrisis::synth::detail {

/// The band of vital sign ranges for an age.
const AgeBand& band_of(const Content& content, int age_months);
int weight_of(int age_months, bool female, Random& random);

/// Fills readings[0] from the presentation's ranges, or the age's normal ones.
void sample_first_reading(Scenario& scenario, Random& random);

/// Fills readings[1]: most of the way to normal, or about where it was; oxygen lifts the saturation anyway.
void sample_later_reading(Scenario& scenario, bool improving, bool on_oxygen, Random& random);

void set_patient_flags(Scenario& scenario);
void sample_variables(Scenario& scenario, Random& random);
std::string number_text(const Variable& variable, const Scenario& scenario, Random& random);

}  // namespace epicrisis::synth::detail
