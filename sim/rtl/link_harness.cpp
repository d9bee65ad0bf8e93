// A fabric behind its serial line, between two octet streams: octets from a file descriptor are shifted into rx and
// those that come out of tx are written back, a bit every `divisor` clocks. Nothing else of the design is touched.
//
// While the line is quiet and the fabric idle no clock can change anything, so the simulation sleeps until octets come.
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <unistd.h>
#include <vector>

namespace {

struct Engine {
    VerilatedContext context;
    Vtop top{&context};

    Engine() {
        top.clk = 0;
        top.rx = 1;
        top.rst = 1;
        top.eval();
        clock();
        clock();
        top.rst = 0;
        clock();
    }
    void clock() {
        top.clk = 1;
        top.eval();
#ifdef THERMOFAB_CLOCK_EDGE
        top.rootp->THERMOFAB_CLOCK_EDGE = 0;  // as in verilator_engine.h
#else
        top.clk = 0;
        top.eval();
#endif
    }
};

// Ten bits an octet, low bit first.
struct Sender {
    uint32_t divisor, shift = 0, left = 0, timer = 0;
    bool idle() const { return !left; }
    void load(uint8_t octet) {
        shift = (uint32_t(octet) << 1) | 0x200;
        left = 10;
        timer = divisor;
    }
    bool level() const { return left ? shift & 1 : true; }
    void clock() {
        if (left && --timer == 0) {
            shift >>= 1;
            --left;
            timer = divisor;
        }
    }
};

// Samples each bit in its middle, counted from the falling edge.
struct Receiver {
    uint32_t divisor, shift = 0, left = 0, timer = 0;
    uint64_t broken = 0;
    bool clock(bool level, uint8_t& octet) {
        if (!left) {
            if (!level) {
                left = 9;
                timer = divisor + divisor / 2;
            }
            return false;
        }
        if (--timer) return false;
        timer = divisor;
        if (--left) {
            shift = (shift >> 1) | (level ? 0x80 : 0);
            return false;
        }
        broken += !level;
        octet = shift & 0xff;
        shift = 0;
        return level;
    }
};

constexpr uint32_t LOOK = 64;        // clocks between two looks for octets while the line to the board is idle
constexpr uint32_t QUIET = 1 << 14;  // clocks without a bit on either line after which an idle board stays as it is

struct Board {
    Engine engine;
    Sender sender;
    Receiver receiver;
    uint64_t clocks = 0, received = 0, sent = 0, lost = 0;
    explicit Board(uint32_t divisor) : sender{divisor}, receiver{divisor} {}

    void flush(int line, std::vector<uint8_t>& out) {
        size_t done = 0;
        while (done < out.size()) {
            ssize_t n = write(line, out.data() + done, out.size() - done);
            if (n > 0) done += n;
            else if (n < 0 && errno == EINTR) continue;
            else break;
        }
        lost += out.size() - done;  // a line without handshake: what nobody reads is gone
        out.clear();
    }

    void serve(int line, const volatile uint32_t* stop) {
        uint8_t in[4096], octet;
        size_t at = 0, have = 0;
        std::vector<uint8_t> out;
        uint32_t look = 0, quiet = 0;
        const uint32_t patience = 20 * sender.divisor + 64;
        while (!*stop) {
            if (sender.idle()) {
                if (at == have && look++ % LOOK == 0) {
                    if (quiet > patience && !out.empty()) flush(line, out);
                    if (quiet > QUIET && !engine.top.busy) {
                        pollfd wait{line, POLLIN, 0};
                        poll(&wait, 1, 20);
                    }
                    ssize_t n = read(line, in, sizeof in);
                    at = 0;
                    have = n > 0 ? n : 0;
                }
                if (at < have) {
                    sender.load(in[at++]);
                    ++received;
                    quiet = 0;
                }
            }
            engine.top.rx = sender.level();
            engine.clock();
            sender.clock();
            ++clocks;
            ++quiet;
            if (!engine.top.tx) quiet = 0;
            if (receiver.clock(engine.top.tx, octet)) {
                out.push_back(octet);
                ++sent;
                if (!octet || out.size() >= 256) flush(line, out);
            }
        }
        flush(line, out);
    }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void* thermofab_link_open(uint32_t divisor) { return new Board(divisor); }

EXPORT void thermofab_link_close(void* handle) { delete static_cast<Board*>(handle); }

// Run until `*stop`, between the board and `line`, a file descriptor that does not block.
EXPORT void thermofab_link_serve(void* handle, int line, const volatile uint32_t* stop) {
    static_cast<Board*>(handle)->serve(line, stop);
}

// Clocks so far; octets that went to and came from the board; those that nobody read; broken stop bits.
EXPORT void thermofab_link_counters(void* handle, uint64_t* five) {
    Board* board = static_cast<Board*>(handle);
    five[0] = board->clocks;
    five[1] = board->received;
    five[2] = board->sent;
    five[3] = board->lost;
    five[4] = board->receiver.broken;
}
