// The C interface of a compiled fabric: bus writes and reads, and a loop that gathers sample words, so that the
// caller does nothing per clock. Everything passes through the fabric's own ports.
#include "harness.h"

namespace {

struct Harness {
    Engine engine;
    uint64_t clocks = 0;
    uint32_t ready_of_256 = 256;  // the reader is ready in this share of the clocks
    uint32_t noise = 1;

    void clock() {
        engine.clock();
        ++clocks;
    }
    bool willing() {
        if (ready_of_256 >= 256) return true;
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        return (noise >> 24) < ready_of_256;
    }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void thermofab_reset(void* handle, uint64_t clocks);

EXPORT void* thermofab_open() {
    Harness* h = new Harness;
    h->engine.set_bus(0, false, 0, false);
    h->engine.set_ready(false);
    thermofab_reset(h, 1);
    h->clock();
    return h;
}

EXPORT void thermofab_close(void* handle) { delete static_cast<Harness*>(handle); }

EXPORT uint64_t thermofab_clocks(void* handle) { return static_cast<Harness*>(handle)->clocks; }

// From here on the reader is ready in `ready_of_256` of 256 clocks, drawn from `seed`.
EXPORT void thermofab_backpressure(void* handle, uint32_t ready_of_256, uint32_t seed) {
    Harness* h = static_cast<Harness*>(handle);
    h->ready_of_256 = ready_of_256;
    h->noise = seed ? seed : 1;
}

// One write a clock; all have taken effect on return.
EXPORT void thermofab_write(void* handle, const uint32_t* addresses, const uint32_t* data, uint64_t count) {
    Harness* h = static_cast<Harness*>(handle);
    for (uint64_t k = 0; k < count; ++k) {
        h->engine.set_bus(addresses[k], true, data[k], false);
        h->clock();
    }
    h->engine.set_bus(0, false, 0, false);
    h->clock();
    h->clock();
}

EXPORT uint32_t thermofab_read(void* handle, uint32_t address) {
    Harness* h = static_cast<Harness*>(handle);
    h->engine.set_bus(address, false, 0, true);
    h->clock();
    h->engine.set_bus(0, false, 0, false);
    h->clock();
    return h->engine.read_data();
}

// Clocks until `words` words have come, the fabric is idle with nothing on offer, or `clocks` clocks have passed.
// Returns the number of words written to `out`.
EXPORT uint64_t thermofab_collect(void* handle, uint32_t* out, uint64_t words, uint64_t clocks) {
    Harness* h = static_cast<Harness*>(handle);
    uint64_t got = 0;
    for (; got < words && clocks; --clocks) {
        bool valid = h->engine.valid();
        if (!valid && !h->engine.busy()) break;
        bool ready = h->willing();
        h->engine.set_ready(ready);
        if (valid && ready) out[got++] = h->engine.payload();
        h->clock();
    }
    h->engine.set_ready(false);
    return got;
}

// Clocks with the bus at rest, whatever the fabric does; the reader takes all that is on offer, or nothing.
EXPORT void thermofab_idle(void* handle, uint64_t clocks, uint32_t ready) {
    Harness* h = static_cast<Harness*>(handle);
    h->engine.set_ready(ready != 0);
    for (; clocks; --clocks) h->clock();
    h->engine.set_ready(false);
}

// Reset for so many clocks; the bus is at rest.
EXPORT void thermofab_reset(void* handle, uint64_t clocks) {
    Harness* h = static_cast<Harness*>(handle);
    h->engine.set_reset(true);
    for (; clocks; --clocks) h->clock();
    h->engine.set_reset(false);
}

// Clocks until the fabric is idle, at most `clocks`; returns whether it is.
EXPORT uint32_t thermofab_wait(void* handle, uint64_t clocks) {
    Harness* h = static_cast<Harness*>(handle);
    for (; h->engine.busy() && clocks; --clocks) h->clock();
    return !h->engine.busy();
}
