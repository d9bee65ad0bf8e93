// The fabric as compiled by Yosys' CXXRTL back end.
#pragma once
#include "harness.h"

struct Engine {
    cxxrtl_design::p_thermofab top;

    Engine() { top.step(); }
    void set_bus(uint32_t address, bool write, uint32_t data, bool read) {
        top.p_bus__address.set<uint32_t>(address);
        top.p_bus__write.set<bool>(write);
        top.p_bus__write__data.set<uint32_t>(data);
        top.p_bus__read.set<bool>(read);
    }
    void set_ready(bool ready) { top.p_sample__ready.set<bool>(ready); }
    void set_reset(bool reset) { top.p_rst.set<bool>(reset); }
    void clock() {
        top.p_clk.set<bool>(true);
        top.step();
        top.p_clk.set<bool>(false);
        top.step();
    }
    uint32_t read_data() { return top.p_bus__read__data.get<uint32_t>(); }
    bool valid() { return top.p_sample__valid.get<bool>(); }
    uint32_t payload() { return top.p_sample__payload.get<uint32_t>(); }
    bool busy() { return top.p_busy.get<bool>(); }
};
