// Fabrics in tiles: what sites see of other tiles is what the links between them have brought (docs/tiles.md).
//
// Fields are first computed from the sites' states as they are. Where a site couples to another tile's, its part is then
// taken out and that of the ghost put in. So layouts know nothing of tiles.
#pragma once

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "kernel.h"

// Mirrored by thermofab.sim.native.tiles.Links. Ghosts are the positions of all boundaries, numbered through.
struct Links {
    int64_t boundaries, colours, period, latency, aligned, hold;
    const int64_t* bits;        // [boundaries] positions in one exchange
    const int64_t* first;       // [boundaries + 1] where a boundary's ghosts start
    const int64_t* bounds;      // [boundaries, colours + 1] where a colour's positions start
    const int32_t* source;      // [ghosts] the place of the ghost's site
    const int64_t* group_ends;  // [colours] the last group of a colour, counted on
    const uint64_t* held;       // [groups * chunks] sites on a boundary, a place a bit
    const int64_t* crossings;   // [groups * chunks + 1] where a chunk's couplings to ghosts start
    const int32_t* lane;        // [crossings]
    const int32_t* ghost;       // [crossings]
    const Field* weight;        // [crossings] 2w
};

// The ghosts of one replica, and what is under way to them.
class Ghosts {
public:
    Ghosts(const Links& links, const Field* states) : links_(links), seen_(links.first[links.boundaries]) {
        reset(states);
    }

    // Every ghost has its site's state, and nothing is under way.
    void reset(const Field* states) {
        for (int64_t g = 0; g < links_.first[links_.boundaries]; ++g) seen_[g] = states[links_.source[g]];
        under_way_.clear();
    }

    // At the start of a colour's step.
    void receive(int64_t step) {
        while (!under_way_.empty() && under_way_.front().due <= step) {
            for (const auto& [ghost, state] : under_way_.front().bits) seen_[ghost] = state;
            under_way_.pop_front();
        }
    }

    // At the end of one.
    void send(int64_t sweep, int64_t colour, const Field* states) {
        if (!exchanges(sweep) || holds(sweep, colour)) return;
        const int64_t step = sweep * links_.colours + colour, arrives = step + 1 + links_.latency;
        const int64_t due = links_.aligned ? (arrives + links_.colours - 1) / links_.colours * links_.colours : arrives;
        const bool at_once = due == step + 1;
        Frame frame{due, {}};
        for (int64_t b = 0; b < links_.boundaries; ++b) {
            const int64_t size = links_.first[b + 1] - links_.first[b], carried = links_.bits[b];
            const int64_t from = sweep / links_.period % size * carried % size;
            const int64_t* bounds = links_.bounds + b * (links_.colours + 1) + colour;
            for (int64_t p = bounds[0]; p < bounds[1]; ++p) {
                if ((p < from ? p + size : p) - from >= carried) continue;
                const int32_t ghost = static_cast<int32_t>(links_.first[b] + p);
                const Field state = states[links_.source[ghost]];
                if (at_once)
                    seen_[ghost] = state;
                else
                    frame.bits.emplace_back(ghost, state);
            }
        }
        if (!frame.bits.empty()) under_way_.push_back(std::move(frame));
    }

    bool exchanges(int64_t sweep) const { return sweep % links_.period == links_.period - 1; }

    // Whether boundary sites of a colour keep their states in a sweep.
    bool holds(int64_t sweep, int64_t colour) const {
        return links_.hold && !(exchanges(sweep) && sweep / links_.period % links_.colours == colour);
    }

    uint64_t on_boundary(int64_t chunk) const { return links_.held[chunk]; }

    bool touches(int64_t chunk) const { return links_.crossings[chunk] < links_.crossings[chunk + 1]; }

    // Put ghosts in the place of states in the fields of a chunk.
    void correct(int64_t chunk, const Field* states, Field* fields) const {
        for (int64_t k = links_.crossings[chunk]; k < links_.crossings[chunk + 1]; ++k) {
            const int32_t ghost = links_.ghost[k];
            fields[links_.lane[k]] += links_.weight[k] & (seen_[ghost]);
            fields[links_.lane[k]] -= links_.weight[k] & states[links_.source[ghost]];
        }
    }

private:
    struct Frame {
        int64_t due;
        std::vector<std::pair<int32_t, Field>> bits;
    };

    const Links& links_;
    std::vector<Field> seen_;  // 0 or -1
    std::deque<Frame> under_way_;
};
