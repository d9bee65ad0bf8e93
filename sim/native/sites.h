// One replica, its sites in lanes.
//
// On a lattice the sites of a sublattice lie row after row in one flat array, every row with room beside it for the
// sites that lie across its ends; so a bond is one distance in the array, for all places. What is computed in that room
// is masked away. On other graphs the sites of a colour lie in any order, and their neighbours are looked up as bits,
// or fetched one by one.
#pragma once

#include <optional>
#include <type_traits>
#include <vector>

#include "avx512.h"
#include "bits.h"
#include "generators.h"
#include "links.h"
#include "observe.h"
#include "plain.h"

// Mirrored by thermofab.sim.native.sites.Layout. Places of all groups are numbered through, chunks of 64 and a
// margin on either side of each group.
struct Layout {
    int64_t groups, chunks, margin;
    const int64_t* slot_bounds;     // [groups + 1]
    const int32_t* distances;       // [slots] from a place to its neighbour's
    const int32_t* neighbours;      // or else [groups][chunks, slots of the group, 64], the neighbours' places
    const Field* weights;           // [groups][chunks, slots of the group, 64], 2w
    const Field* offsets;           // [groups, chunks, 64]
    const int32_t* biases;          // [groups, chunks, 64]
    const uint64_t* free;           // [groups, chunks], a place a bit
    const int32_t* site;            // [groups, chunks, 64], -1 where there is none
    const int32_t* place;           // [sites]
    const int64_t* copy_bounds;     // [groups + 1]
    const int32_t* copies;          // [copies, 3] to, from, length: what lies across the ends of rows
};

class SiteChain {
public:
    static constexpr int LANES = 1;

    SiteChain(const Run& run, int64_t replica, int64_t)
        : run_(run), layout_(*run.layout), replica_(replica),
          states_(layout_.groups * (layout_.chunks * WIDTH + 2 * layout_.margin) + WIDTH),
          fetched_(most_slots(layout_) * WIDTH), rng_(layout_.groups * layout_.chunks * STATE) {
#ifdef THERMOFAB_AVX512
        if (layout_.neighbours && !run.links) {
            bits_.emplace(layout_.groups * layout_.chunks, layout_.site, layout_.neighbours,
                          [&](int64_t chunk) { return slots_of(chunk / layout_.chunks); });
            if (!bits_->fits()) bits_.reset();
        }
#endif
        place_states(run.init + replica * run.sites);
        if (run.links) ghosts_.emplace(*run.links, states_.get());
        for (int64_t c = 0; c < layout_.groups * layout_.chunks; ++c)
            for (int l = 0; l < WIDTH; ++l)
                if (layout_.free[c] >> l & 1)
                    seed(run, replica, layout_.site[c * WIDTH + l], &rng_[c * STATE + l], WIDTH);
#ifdef THERMOFAB_AVX512
        for (int64_t level = 0; level < run.levels; ++level)
            tables_.emplace_back(run.tables + level * run.size, run.size);
#endif
    }

    void sweep(int64_t level) {
#ifdef THERMOFAB_AVX512
        if (run_.size <= 256) {
            const Activation activation(tables_[level], run_.shift);
            update([&](const Fields& fields, const Word* words, uint64_t free, Field* states) {
                const uint64_t fresh =
                    activation(reinterpret_cast<__m512i>(fields.lanes[0]), reinterpret_cast<__m512i>(fields.lanes[1]),
                               _mm512_load_si512(words), _mm512_load_si512(words + WIDTH / 2));
                const auto store = [&](int from) {
                    _mm512_mask_storeu_epi16(states + from, static_cast<__mmask32>(free >> from),
                                             _mm512_movm_epi16(static_cast<__mmask32>(fresh >> from)));
                };
                store(0);
                store(WIDTH / 2);
            });
            return;
        }
#endif
        const PlainActivation activation(run_, level);
        update([&](const Fields& fields, const Word* words, uint64_t free, Field* states) {
            alignas(LINE) Field fresh[WIDTH];
            activation(fields, words, fresh);
            for (int l = 0; l < WIDTH; ++l)
                if (free >> l & 1) states[l] = fresh[l];
        });
    }

    void load(const uint8_t* states) {
        place_states(states + replica_ * run_.sites);
        if (ghosts_) ghosts_->reset(states_.get());
    }

    void store_generators(uint32_t* out) const {
        for (int64_t c = 0; c < layout_.groups * layout_.chunks; ++c)
            for (int l = 0; l < WIDTH; ++l)
                if (layout_.free[c] >> l & 1)
                    Generator::store(&rng_[c * STATE + l],
                                     out + (replica_ * run_.sites + layout_.site[c * WIDTH + l]) * Generator::WORDS,
                                     WIDTH, time_);
    }

    void record(int64_t count, const int32_t* chosen, uint8_t* __restrict out) const {
        for (int64_t k = 0; k < count; ++k) out[k] = states_[layout_.place[chosen ? chosen[k] : k]] != 0;
    }

    // The state as bits, [groups, chunks], a place a bit.
    void pack(uint64_t* out) const {
        for (int64_t g = 0; g < layout_.groups; ++g)
            for (int64_t c = 0; c < layout_.chunks; ++c) {
                const Field* states = states_.get() + g * group_stride() + layout_.margin + c * WIDTH;
                *out++ = pack_masks(states);
            }
    }

    // E = -1/2 sum of s (F + b): what lies in the room beside rows has neither field nor bias.
    int64_t energy() {
        int64_t total = 0;
        each_chunk([&](int64_t chunk, const Fields& fields, const Field* states) {
            alignas(LINE) Field field[WIDTH];
            std::memcpy(field, fields.lanes, sizeof field);
            const int32_t* __restrict biases = layout_.biases + chunk * WIDTH;
            int64_t part = 0;
            for (int l = 0; l < WIDTH; ++l) {
                const int32_t both = field[l] + biases[l];
                part += states[l] ? both : -both;
            }
            total += part;
        });
        return -total / 2;
    }

    int64_t first() const { return replica_; }
    int64_t real() const { return 1; }
    int64_t time() const { return time_; }

private:
    static constexpr int WIDTH = 64;
    static constexpr int64_t STATE = int64_t{Generator::PLANES} * WIDTH;

    static int64_t most_slots(const Layout& layout) {
        int64_t most = 0;
        for (int64_t g = 0; g < layout.groups; ++g)
            most = std::max(most, layout.slot_bounds[g + 1] - layout.slot_bounds[g]);
        return most;
    }

    int64_t slots_of(int64_t group) const { return layout_.slot_bounds[group + 1] - layout_.slot_bounds[group]; }

    int64_t group_stride() const { return layout_.chunks * WIDTH + 2 * layout_.margin; }

    void place_states(const uint8_t* states) {
        for (int64_t i = 0; i < run_.sites; ++i) states_[layout_.place[i]] = static_cast<Field>(-(states[i] != 0));
        for (int64_t g = 0; g < layout_.groups; ++g) wrap(g), set_bits(g);
    }

    // A group's states where neighbours look them up.
    void set_bits(int64_t group) {
#ifdef THERMOFAB_AVX512
        if (!bits_) return;
        for (int64_t c = group * layout_.chunks; c < (group + 1) * layout_.chunks; ++c)
            bits_->set(c, states_.get() + c * WIDTH);
#endif
    }

    // Fields of every chunk in turn: `use(number, fields, states)`; `after(group)` once a group is through.
    // ALL: also of chunks without a free site.
    template <bool ALL, class Use, class After>
    __attribute__((always_inline)) void each_chunk(const Use& use, const After& after) {
        const int32_t* __restrict neighbours = layout_.neighbours;
        const Field* __restrict weights = layout_.weights;
        for (int64_t g = 0; g < layout_.groups; ++g) {
            const int32_t* first = layout_.distances + layout_.slot_bounds[g];
            const int64_t slots = slots_of(g);
            Field* states = states_.get() + g * group_stride() + layout_.margin;
            for (int64_t c = 0; c < layout_.chunks; ++c, states += WIDTH, weights += slots * WIDTH) {
                const int64_t chunk = g * layout_.chunks + c;
                if (!ALL && !layout_.free[chunk]) {
                    if (neighbours) neighbours += slots * WIDTH;
                    continue;
                }
#ifdef THERMOFAB_AVX512
                if (bits_) {
                    Fields sum;
                    std::memcpy(sum.lanes, layout_.offsets + chunk * WIDTH, sizeof sum.lanes);
                    bits_->add(chunk, slots, weights, sum);
                    use(chunk, sum, states);
                    continue;
                }
#endif
                if (neighbours) {
                    for (int64_t k = 0; k < slots * WIDTH; ++k) fetched_[k] = states_[neighbours[k]];
                    neighbours += slots * WIDTH;
                }
                Fields sum;
                std::memcpy(sum.lanes, layout_.offsets + chunk * WIDTH, sizeof sum.lanes);
                for (int64_t s = 0; s < slots; ++s) {
                    const Field* here = weights + s * WIDTH;
                    sum.add([=](int k) { return Fields::part(here, k); }, neighbours ? &fetched_[s * WIDTH] : states + first[s]);
                }
                use(chunk, sum, states);
            }
            after(g);
        }
    }
    template <class Use>
    void each_chunk(const Use& use) {
        each_chunk<true>(use, [](int64_t) {});
    }

    // Groups come by colour, and those of a colour do not touch: each may be written before the next is read.
    template <class Activate>
    __attribute__((always_inline)) void update(const Activate& activate) {
        alignas(LINE) Word scratch[WIDTH];
        int64_t colour = 0;
        bool holding = ghosts_ && ghosts_->holds(time_, 0);
        if (ghosts_) ghosts_->receive(time_ * run_.colours);
        each_chunk<false>(
            [&](int64_t chunk, const Fields& sum, Field* states) __attribute__((always_inline)) {
                uint64_t free = layout_.free[chunk];
                const Word* words = Generator::step<WIDTH>(&rng_[chunk * STATE], time_, scratch);
                if (holding) free &= ~ghosts_->on_boundary(chunk);
                if (ghosts_ && ghosts_->touches(chunk)) {
                    Fields seen;
                    alignas(LINE) Field fields[WIDTH];
                    std::memcpy(fields, sum.lanes, sizeof fields);
                    ghosts_->correct(chunk, states_.get(), fields);
                    std::memcpy(seen.lanes, fields, sizeof fields);
                    activate(seen, words, free, states);
                } else {
                    activate(sum, words, free, states);
                }
            },
            [&](int64_t g) __attribute__((always_inline)) {
                set_bits(g);
                wrap(g);
                if (!ghosts_) return;
                for (; colour < run_.colours && g + 1 == run_.links->group_ends[colour]; ++colour) {
                    ghosts_->send(time_, colour, states_.get());
                    ghosts_->receive(time_ * run_.colours + colour + 1);
                    holding = ghosts_->holds(time_, colour + 1);
                }
            });
        ++time_;
    }

    // At most 32 places, by two copies of a fixed length that may overlap: no call, and no masked store to wait for.
    static __attribute__((always_inline)) void copy_short(Field* to, const Field* from, int32_t length) {
        const auto ends = [&](auto size) {
            constexpr int SIZE = decltype(size)::value;
            Field first[SIZE], last[SIZE];
            std::memcpy(first, from, sizeof first);
            std::memcpy(last, from + length - SIZE, sizeof last);
            std::memcpy(to, first, sizeof first);
            std::memcpy(to + length - SIZE, last, sizeof last);
        };
        if (length >= 16) return ends(std::integral_constant<int, 16>{});
        if (length >= 8) return ends(std::integral_constant<int, 8>{});
        if (length >= 4) return ends(std::integral_constant<int, 4>{});
        for (int32_t l = 0; l < length; ++l) to[l] = from[l];
    }

    void wrap(int64_t group) {
        Field* states = states_.get();
        for (int64_t k = layout_.copy_bounds[group]; k < layout_.copy_bounds[group + 1]; ++k) {
            const int32_t* copy = layout_.copies + 3 * k;
            copy_short(states + copy[0], states + copy[1], copy[2]);
        }
    }

    const Run& run_;
    const Layout& layout_;
    int64_t replica_, time_ = 0;
    Array<Field> states_;            // 0 or -1
    Array<Field> fetched_;           // [slots, WIDTH], a chunk's neighbours where they are fetched
    Array<Generator::State> rng_;    // [groups, chunks, PLANES, WIDTH]
    std::optional<Ghosts> ghosts_;
#ifdef THERMOFAB_AVX512
    std::optional<BitNeighbours> bits_;
    std::vector<ByteTable> tables_;
#endif
};

// Looks at one chain after a sample's sweeps, as the work asks.
class SiteWatch {
public:
    SiteWatch(const Run& run, const Work& work, SiteChain& chain)
        : run_(run), work_(work), chain_(chain), chunks_(run.layout->groups * run.layout->chunks),
          history_(work.ones ? SPAN * chunks_ : 0), bits_(work.ones ? SPAN * chunks_ : 0),
          counters_(work.ones ? run.sites : 0, work.ones ? run.edges : 0) {
        if (!work.ones) return;
        // Places without the margins, as packed words have them.
        places_.resize(run.sites);
        for (int64_t p = 0; p < chunks_ * SPAN; ++p)
            if (run.layout->site[p] >= 0) places_[run.layout->site[p]] = static_cast<int32_t>(p);
    }

    void look(int64_t sample) {
        const int64_t row = chain_.first() * work_.samples + sample;
        if (work_.states) chain_.record(work_.chosen_count, work_.chosen, work_.states + row * work_.chosen_count);
        if (work_.energies) work_.energies[row] = chain_.energy();
        if (work_.ones) {
            chain_.pack(&history_[held_ * chunks_]);
            if (++held_ == SPAN) count();
        }
    }

    void finish() {
        if (!work_.ones) return;
        if (held_) count();
        counters_.give(chain_.first(), 1, work_.ones, work_.both);
    }

private:
    static constexpr int64_t SPAN = 64;

    void count() {
        std::fill(&history_[held_ * chunks_], &history_[SPAN * chunks_], 0);
        for (int64_t c = 0; c < chunks_; ++c) {
            for (int64_t t = 0; t < SPAN; ++t) bits_[c * SPAN + t] = history_[t * chunks_ + c];
            transpose(&bits_[c * SPAN]);
        }
        counters_.add(bits_.get(), places_.data(), run_.ends);
        held_ = 0;
    }

    const Run& run_;
    const Work& work_;
    SiteChain& chain_;
    int64_t chunks_, held_ = 0;
    std::vector<int32_t> places_;
    Array<uint64_t> history_;        // [SPAN, chunks], a place a bit
    Array<uint64_t> bits_;           // [chunks, places], a sample a bit
    Counters<1> counters_;
};
