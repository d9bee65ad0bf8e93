// A machine for the C driver's test: an AXI4-Lite manager and a reader of the stream, both of which dawdle at random,
// in front of the compiled wrapper and fabric.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

VerilatedContext context;
Vtop top{&context};
uint32_t noise = 1, dawdle = 0, cut_words = 0;

bool willing() {
    noise ^= noise << 13;
    noise ^= noise >> 17;
    noise ^= noise << 5;
    return (noise >> 24) >= dawdle;
}

void tick() {
    top.clk = 1;
    top.eval();
    top.clk = 0;
    top.eval();
}

}  // namespace

// In `share` of 256 clocks a side that could go on does not.
EXPORT void bench_open(uint32_t seed, uint32_t share) {
    noise = seed;
    dawdle = share;
    top.clk = 0;
    top.rst = 1;
    top.s_axil_awvalid = top.s_axil_wvalid = top.s_axil_arvalid = top.s_axil_bready = top.s_axil_rready = 0;
    top.samples_tready = 0;
    top.eval();
    for (int k = 0; k < 3; ++k) tick();
    top.rst = 0;
    top.eval();
}

EXPORT uint32_t bench_write_bytes(uint32_t byte_address, uint32_t data, uint32_t strobe) {
    bool address_left = true, data_left = true, response_left = true;
    uint32_t response = 0;
    top.s_axil_awaddr = byte_address;
    top.s_axil_wdata = data;
    top.s_axil_wstrb = strobe;
    while (response_left) {
        top.s_axil_awvalid = address_left && (top.s_axil_awvalid || willing());
        top.s_axil_wvalid = data_left && (top.s_axil_wvalid || willing());
        top.s_axil_bready = willing();
        top.eval();
        if (top.s_axil_awvalid && top.s_axil_awready) address_left = false;
        if (top.s_axil_wvalid && top.s_axil_wready) data_left = false;
        if (top.s_axil_bvalid && top.s_axil_bready) {
            response = top.s_axil_bresp;
            response_left = false;
        }
        tick();
        if (!address_left) top.s_axil_awvalid = 0;
        if (!data_left) top.s_axil_wvalid = 0;
    }
    top.s_axil_bready = 0;
    top.eval();
    return response;
}

EXPORT bool bench_write(void*, uint32_t address, uint32_t data) { return bench_write_bytes(4 * address, data, 15) == 0; }

EXPORT bool bench_read(void*, uint32_t address, uint32_t* data) {
    bool address_left = true;
    top.s_axil_araddr = 4 * address;
    for (;;) {
        top.s_axil_arvalid = address_left && (top.s_axil_arvalid || willing());
        top.s_axil_rready = willing();
        top.eval();
        if (top.s_axil_arvalid && top.s_axil_arready) address_left = false;
        bool come = top.s_axil_rvalid && top.s_axil_rready;
        uint32_t response = top.s_axil_rresp;
        if (come) *data = top.s_axil_rdata;
        tick();
        if (!address_left) top.s_axil_arvalid = 0;
        if (come) {
            top.s_axil_rready = 0;
            top.eval();
            return response == 0;
        }
    }
}

EXPORT int bench_take(void*, uint32_t* word) {
    top.samples_tready = willing();
    top.eval();
    bool come = top.samples_tvalid && top.samples_tready;
    if (come) {
        *word = top.samples_tdata;
        cut_words += top.samples_tuser;
        if (top.samples_tuser && !top.samples_tlast) abort();
    }
    tick();
    top.samples_tready = 0;
    top.eval();
    return come;
}

// Words so far that ended a packet in place of its own end.
EXPORT uint32_t bench_cut() { return cut_words; }

EXPORT void bench_clocks(uint32_t clocks) {
    while (clocks--) tick();
}
