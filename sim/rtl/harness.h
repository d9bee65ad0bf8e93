// What an engine header must define for harness.cpp: struct Engine with these members.
//
//   void set_bus(uint32_t address, bool write, uint32_t data, bool read);
//   void set_ready(bool ready);
//   void set_reset(bool reset);
//   void clock();                one full clock; outputs then show the state after its rising edge
//   uint32_t read_data();
//   bool valid();
//   uint32_t payload();
//   bool busy();
#pragma once
#include <cstdint>
