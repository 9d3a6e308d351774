#include "command_line.hpp"

int main(int argc, char** argv) { return epicrisis::run_program(argc, argv, epicrisis::add_commands); }
