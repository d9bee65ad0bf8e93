// The fabric as compiled by Verilator.
#pragma once
#include "harness.h"

struct Engine {
    VerilatedContext context;
    Vtop top{&context};

    Engine() {
        top.clk = 0;
        top.eval();
    }
    void set_bus(uint32_t address, bool write, uint32_t data, bool read) {
        top.bus_address = address;
        top.bus_write = write;
        top.bus_write_data = data;
        top.bus_read = read;
    }
    void set_ready(bool ready) { top.sample_ready = ready; }
    void set_reset(bool reset) { top.rst = reset; }
    void clock() {
        top.clk = 1;
        top.eval();
#ifdef THERMOFAB_CLOCK_EDGE
        // The falling edge changes nothing in a design that knows rising edges only; telling the scheduler that the
        // clock was low saves the second evaluation.
        top.rootp->THERMOFAB_CLOCK_EDGE = 0;
#else
        top.clk = 0;
        top.eval();
#endif
    }
    uint32_t read_data() { return top.bus_read_data; }
    bool valid() { return top.sample_valid; }
    uint32_t payload() { return top.sample_payload; }
    bool busy() { return top.busy; }
};
