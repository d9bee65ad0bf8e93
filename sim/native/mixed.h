// Replica exchange with the rungs of a few ladders side by side in lanes: for large images, whose generators' states
// would fill the caches many times over if every rung filled registers of its own.
//
// A unit is U ladders, a power of two; lane k U + r of its words is rung k of ladder r. Lanes have thresholds of their
// own, so each value that a field can take is compared with and its thresholds blended in: for images whose sites see
// few values, as those with couplings of one size do. Where no site has a bias and P(F) + P(-F) = 1, the values are
// those of |F|: u < T(-F) is what u < T(F) is not, for the complement of u. Rungs that exchange lie U lanes apart.
#pragma once

#include "ladder.h"

#ifdef THERMOFAB_AVX512

// Fields of a site are least, least + step, …, `count` of them.
struct FieldValues {
    int64_t least, step, count;
    bool operator==(const FieldValues& other) const {
        return least == other.least && step == other.step && count == other.count;
    }
};

constexpr int64_t MOST_VALUES = 9;

// What site k of a run's free ones can see.
inline FieldValues values_of(const Run& run, int64_t k) {
    int64_t least = run.offsets[k], most = run.offsets[k], step = 0;
    for (int64_t s = run.first[k]; s < run.first[k + 1]; ++s) {
        least += std::min(run.weights[s], 0), most += std::max(run.weights[s], 0);
        step = std::gcd(step, int64_t{run.weights[s]});
    }
    step = std::max<int64_t>(step, 1);
    return {least, step, (most - least) / step + 1};
}

// 64 lanes of a unit.
class MixedBlock {
public:
    // `source(lane, run, replica)`: whose keys and start a lane has, and its level; lanes there are none of say so by
    // false, and are left as the last one is.
    template <class Source>
    MixedBlock(const Run& run, const Source& source) : run_(run), states_(run.sites + 1), rng_(run.free * STATE) {
        std::vector<FieldValues> kinds;
        symmetric_ = is_symmetric(run);
        for (int64_t k = 0; k < run.free; ++k) {
            FieldValues values = values_of(run, k);
            if (symmetric_) values = {values.count % 2 ? 0 : values.step / 2, values.step, (values.count + 1) / 2};
            std::size_t kind = 0;
            while (kind < kinds.size() && !(kinds[kind] == values)) ++kind;
            if (kind == kinds.size()) kinds.push_back(values);
            places_.push_back({static_cast<uint32_t>(run.order[k]), static_cast<uint32_t>(run.first[k]),
                               static_cast<uint32_t>(run.first[k + 1]), static_cast<uint16_t>(kind),
                               static_cast<int8_t>(run.offsets[k])});
        }
        for (int64_t s = 0; s < run.first[run.free]; ++s)
            slots_.push_back({static_cast<uint32_t>(run.near[s]),
                              (static_cast<uint32_t>(run.weights[s]) & 0xff) * 0x01010101u});
        thresholds_ = std::make_unique<Array<Word>>(kinds.size() * MOST_VALUES * 64);
        for (const FieldValues& values : kinds) {
            Kind kind{values.count, {}};
            for (int64_t v = 0; v < values.count; ++v)
                std::memset(kind.values + v, static_cast<int>(values.least + v * values.step), sizeof(__m512i));
            kinds_.push_back(kind);
        }
        for (int lane = 0; lane < 64; ++lane) {
            const Run* from = nullptr;
            int64_t replica = 0, level = 0;
            source(lane, from, replica, level);
            const uint8_t* init = from->init + replica * run.sites;
            for (int64_t i = 0; i < run.sites; ++i) states_[i] |= uint64_t{init[i]} << lane;
            for (int64_t k = 0; k < run.free; ++k) seed(*from, replica, run.order[k], &rng_[k * STATE + lane], 64);
            for (std::size_t kind = 0; kind < kinds.size(); ++kind)
                for (int64_t v = 0; v < kinds[kind].count; ++v) {
                    const int64_t half = run.size / 2, field = kinds[kind].least + v * kinds[kind].step;
                    const int64_t address = std::max(-half, std::min(half - 1, field)) + half;
                    (*thresholds_)[(kind * MOST_VALUES + v) * 64 + lane] = run.tables[level * run.size + address];
                }
        }
    }

    void sweep() { symmetric_ ? sweep_all<true>() : sweep_all<false>(); }

    uint64_t* words() { return states_.get(); }

private:
    static constexpr int64_t STATE = int64_t{Generator::PLANES} * 64, AHEAD = 8;

    // Whether all fields come with either sign alike, and every table says the opposite of them.
    static bool is_symmetric(const Run& run) {
        for (int64_t k = 0; k < run.free; ++k) {
            int64_t middle = run.offsets[k];
            for (int64_t s = run.first[k]; s < run.first[k + 1]; ++s) middle += run.weights[s] / 2;
            if (middle) return false;
        }
        for (int64_t level = 0; level < run.levels; ++level)
            for (int64_t a = 1; a < run.size / 2; ++a) {
                const Word* middle = run.tables + level * run.size + run.size / 2;
                if (static_cast<Word>(middle[a] + middle[-a])) return false;
            }
        return true;
    }

    template <bool SYMMETRIC>
    void sweep_all() {
        alignas(LINE) Word scratch[64];
        const int64_t count = static_cast<int64_t>(places_.size());
        for (int64_t k = 0; k < count; ++k) {
            Generator::fetch<64>(&rng_[(k + AHEAD) * STATE], time_);
            const Place& place = places_[k];
            const Word* words = Generator::step<64>(&rng_[k * STATE], time_, scratch);
            __m512i sum = _mm512_set1_epi8(place.offset);
            for (uint32_t s = place.first; s < place.last; ++s) {
                const __mmask64 near = _load_mask64(reinterpret_cast<__mmask64*>(&states_[slots_[s].near]));
                sum = _mm512_mask_add_epi8(sum, near, sum, _mm512_set1_epi32(static_cast<int32_t>(slots_[s].weight)));
            }
            __m512i u0 = _mm512_load_si512(words), u1 = _mm512_load_si512(words + 32);
            uint64_t turned = 0;
            if constexpr (SYMMETRIC) {
                const __mmask64 negative = _mm512_movepi8_mask(sum);
                const __m512i ones = _mm512_set1_epi64(-1);
                sum = _mm512_abs_epi8(sum);
                u0 = _mm512_mask_sub_epi16(u0, static_cast<__mmask32>(negative), ones, u0);
                u1 = _mm512_mask_sub_epi16(u1, static_cast<__mmask32>(_kshiftri_mask64(negative, 32)), ones, u1);
                turned = negative;
            }
            const Kind& kind = kinds_[place.kind];
            const Word* from = thresholds_->get() + place.kind * MOST_VALUES * 64;
            __m512i t0 = _mm512_load_si512(from), t1 = _mm512_load_si512(from + 32);
            for (int64_t v = 1; v < kind.count; ++v) {
                const __mmask64 reached = _mm512_cmpge_epi8_mask(sum, _mm512_loadu_si512(kind.values + v));
                t0 = _mm512_mask_loadu_epi16(t0, static_cast<__mmask32>(reached), from + 64 * v);
                t1 = _mm512_mask_loadu_epi16(t1, static_cast<__mmask32>(_kshiftri_mask64(reached, 32)), from + 64 * v + 32);
            }
            const uint64_t low = _mm512_cmplt_epu16_mask(u0, t0), high = _mm512_cmplt_epu16_mask(u1, t1);
            states_[place.site] = (high << 32 | low) ^ turned;
        }
        ++time_;
    }
    struct Place {
        uint32_t site, first, last;
        uint16_t kind;
        int8_t offset;
    };
    struct Slot {
        uint32_t near, weight;   // 2w four times
    };

    struct Kind {
        int64_t count;
        __m512i_u values[MOST_VALUES];   // a byte 64 times
    };

    const Run& run_;
    bool symmetric_;
    int64_t time_ = 0;
    std::vector<Place> places_;
    std::vector<Slot> slots_;
    std::vector<Kind> kinds_;
    std::unique_ptr<Array<Word>> thresholds_;   // [kinds, MOST_VALUES, 64]
    Array<uint64_t> states_;                    // [sites + 1], a lane a bit
    Array<Generator::State> rng_;               // [free, PLANES, 64]
};

class MixedLadders final : public Ladders {
public:
    static bool fits(const LadderSpec& spec) {
        const Run& run = spec.runs[0];
        if (!Avx512Block<64, true>::fits(run) || spec.rungs < 2) return false;
        if (run.held && run.held[run.free]) return false;  // clamped neighbours, which it has no place for
        for (int64_t k = 0; k < run.free; ++k)
            if (values_of(run, k).count > MOST_VALUES) return false;
        return true;
    }

    // Registers of 64 lanes that a sweep of all rungs fills.
    static int64_t registers(const LadderSpec& spec) { return registers(spec, unit_of(spec)); }

    explicit MixedLadders(const LadderSpec& spec)
        : spec_(spec), run_(spec.runs[0]), energies_(run_), unit_(unit_of(spec)),
          count_((unit_ * spec.rungs + 63) / 64), units_((run_.replicas + unit_ - 1) / unit_) {}

    bool work(const LadderWork& work, int64_t threads, const volatile int32_t* stop) override {
        std::atomic<int64_t> next{0};
        std::atomic<bool> failed{false};
        const auto take = [&] {
            try {
                for (int64_t u; (u = next++) < static_cast<int64_t>(units_.size()) && !*stop;) {
                    // Clusters grow in packs that are no wider than they need to be.
                    if (count_ <= 2)
                        rounds<1>(work, u, stop);
                    else if (count_ <= 4)
                        rounds<2>(work, u, stop);
                    else if (count_ <= 8)
                        rounds<4>(work, u, stop);
                    else
                        rounds<PACK>(work, u, stop);
                }
            } catch (const std::bad_alloc&) {
                failed = true;
            }
        };
        std::vector<std::thread> others;
        try {
            for (int64_t t = 1; t < std::min<int64_t>(threads, units_.size()); ++t) others.emplace_back(take);
        } catch (const std::system_error&) {
            // The machine gives no more threads; those there are do the work.
        }
        take();
        for (std::thread& other : others) other.join();
        return !failed;
    }

private:
    static int64_t registers(const LadderSpec& spec, int64_t unit) {
        return (spec.runs[0].replicas + unit - 1) / unit * ((unit * spec.rungs + 63) / 64);
    }

    // Ladders of a unit, a power of two: the least that leaves few lanes idle.
    static int64_t unit_of(const LadderSpec& spec) {
        const int64_t least = spec.clusters ? spec.clusters->group : 1;
        int64_t fewest = INT64_MAX;
        for (int64_t unit = least; unit <= 64; unit *= 2) fewest = std::min(fewest, registers(spec, unit));
        for (int64_t unit = least;; unit *= 2)
            if (4 * registers(spec, unit) <= 5 * fewest) return unit;
    }

    struct Lanes {
        std::unique_ptr<MixedBlock> block;
        int64_t energies[64], walkers[64], best[64];
        std::unique_ptr<Array<uint64_t>> best_words;
        uint64_t real = 0, turning = 0;   // lanes there are, and those that make cluster moves
    };

    int64_t rung(int64_t p, int64_t lane) const { return (64 * p + lane) / unit_; }
    int64_t ladder(int64_t p, int64_t lane) const { return (64 * p + lane) % unit_; }

    void open(std::vector<Lanes>& unit, int64_t first) {
        unit.resize(count_);
        const int64_t turning = spec_.clusters ? spec_.clusters->rungs : 0;
        for (int64_t p = 0; p < count_; ++p) {
            Lanes& lanes = unit[p];
            for (int64_t lane = 0; lane < 64; ++lane) {
                const int64_t k = rung(p, lane);
                const bool is_real = k < spec_.rungs && first + ladder(p, lane) < run_.replicas;
                lanes.real |= uint64_t{is_real} << lane;
                lanes.turning |= uint64_t{is_real && k < turning} << lane;
                lanes.walkers[lane] = k, lanes.best[lane] = INT64_MAX;
            }
            lanes.block = std::make_unique<MixedBlock>(
                run_, [&](int64_t lane, const Run*& from, int64_t& replica, int64_t& level) {
                    const int64_t k = std::min(rung(p, lane), spec_.rungs - 1);
                    from = &spec_.runs[k], level = spec_.levels[k];
                    replica = std::min(first + ladder(p, lane), run_.replicas - 1);
                });
            lanes.best_words = std::make_unique<Array<uint64_t>>(run_.sites);
        }
    }

    template <int SIZE>
    void rounds(const LadderWork& work, int64_t u, const volatile int32_t* stop) {
        std::vector<Lanes>& unit = units_[u];
        const int64_t first = u * unit_;
        if (unit.empty()) open(unit, first);
        PackEnergies energies = energies_;
        Array<Pack> packs(run_.sites + 1);
        std::optional<ClusterMove<SIZE>> move;
        if (spec_.clusters) move.emplace(*spec_.clusters, run_.sites);
        for (int64_t r = 0; r < work.rounds && !*stop; ++r) {
            const int64_t number = work.number + r;
            if (move)
                for (int64_t p = 0; p < count_; p += ClusterMove<SIZE>::WORDS) turn(*move, unit, first, p, number);
            for (Lanes& lanes : unit)
                for (int64_t s = 0; s < work.sweeps; ++s) lanes.block->sweep();
            for (int64_t p = 0; p < count_; p += PACK) look(energies, packs.get(), unit, p);
            if (spec_.exchange) exchange(work, unit, first, number);
            if (r >= work.warmup) record(work, unit, first, r - work.warmup);
        }
        give_best(work, unit, first);
    }

    void look(PackEnergies& energies, Pack* packs, std::vector<Lanes>& unit, int64_t from) {
        const int64_t count = std::min<int64_t>(PACK, count_ - from);
        const auto words = [&](int64_t p) { return unit[from + p].block->words(); };
        gather_packs(packs, count, run_.sites, words);
        energies(packs, count, words, [&](int64_t p) { return unit[from + p].energies; });
        for (int64_t p = from; p < from + count; ++p) {
            Lanes& lanes = unit[p];
            uint64_t better = 0;
            for (int l = 0; l < 64; ++l)
                if (lanes.energies[l] < lanes.best[l]) better |= uint64_t{1} << l, lanes.best[l] = lanes.energies[l];
            if (!(better & lanes.real)) continue;
            const uint64_t* __restrict now = lanes.block->words();
            uint64_t* __restrict best = lanes.best_words->get();
            for (int64_t i = 0; i < run_.sites; ++i) best[i] ^= (best[i] ^ now[i]) & better;
        }
    }

    // Lane l of word p offers to exchange with the lane `unit_` further on, in this word or the next.
    void exchange(const LadderWork& work, std::vector<Lanes>& unit, int64_t first, int64_t number) {
        for (int64_t p = 0; p < count_; ++p) {
            uint64_t swapped = 0;
            for (int64_t lane = 0; lane < 64; ++lane) {
                const int64_t k = rung(p, lane), other = 64 * p + lane + unit_;
                if ((k - number) % 2 || k + 1 >= spec_.rungs || !(unit[p].real >> lane & 1)) continue;
                Lanes &cold = unit[p], &hot = unit[other / 64];
                const uint64_t word = hashed_word(spec_.swaps, number, k, first + ladder(p, lane));
                const double gain = (spec_.scales[k] - spec_.scales[k + 1]) *
                                    static_cast<double>(cold.energies[lane] - hot.energies[other % 64]);
                const double uniform =
                    (static_cast<double>(static_cast<int64_t>(word >> 11)) + 0.5) / 9007199254740992.0;
                if (!(gain >= 0 || log_of(uniform) < gain)) continue;
                swapped |= uint64_t{1} << lane;
                std::swap(cold.energies[lane], hot.energies[other % 64]);
                std::swap(cold.walkers[lane], hot.walkers[other % 64]);
                __atomic_fetch_add(work.taken + k, 1, __ATOMIC_RELAXED);
            }
            if (swapped) swap_lanes(unit, p, swapped);
        }
    }

    void swap_lanes(std::vector<Lanes>& unit, int64_t p, uint64_t swapped) {
        uint64_t* __restrict mine = unit[p].block->words();
        const uint64_t inside = unit_ < 64 ? swapped & (~uint64_t{0} >> unit_) : 0, across = swapped & ~inside;
        if (inside)
            for (int64_t i = 0; i < run_.sites; ++i) {
                const uint64_t differing = (mine[i] >> unit_ ^ mine[i]) & inside;
                mine[i] ^= differing ^ differing << unit_;
            }
        if (!across) return;
        uint64_t* __restrict next = unit[p + 1].block->words();
        const int64_t down = (64 - unit_) % 64;
        for (int64_t i = 0; i < run_.sites; ++i) {
            const uint64_t differing = (mine[i] >> down ^ next[i]) & across >> down;
            next[i] ^= differing;
            mine[i] ^= differing << down;
        }
    }

    template <class Move>
    void turn(Move& move, std::vector<Lanes>& unit, int64_t first, int64_t from, int64_t number) {
        const int64_t count = std::min(Move::WORDS, count_ - from);
        move.grow(
            count, number, [&](int64_t p) { return unit[from + p].turning; },
            [&](int64_t p) { return unit[from + p].block->words(); },
            [&](int64_t p, int64_t lane) {
                const int64_t k = rung(from + p, lane), l = first + ladder(from + p, lane);
                return scaled(hashed_word(spec_.starts, number, k, l), run_.sites);
            });
        for (int64_t p = 0; p < count; ++p) {
            if (!unit[from + p].turning) continue;
            uint64_t* words = unit[from + p].block->words();
            for (int64_t i = 0; i < run_.sites; ++i) words[i] ^= move.flips(p, i);
        }
    }

    template <class Use>
    void each_lane(const std::vector<Lanes>& unit, const Use& use) const {
        for (int64_t p = 0; p < count_; ++p)
            for (int64_t lane = 0; lane < 64; ++lane)
                if (unit[p].real >> lane & 1) use(unit[p], lane, rung(p, lane), ladder(p, lane));
    }

    void record(const LadderWork& work, const std::vector<Lanes>& unit, int64_t first, int64_t row) {
        const int64_t rows = work.rounds - work.warmup;
        each_lane(unit, [&](const Lanes& lanes, int64_t lane, int64_t k, int64_t r) {
            const int64_t at = (row * spec_.rungs + k) * run_.replicas + first + r;
            work.energies[at] = lanes.energies[lane];
            work.walkers[at] = lanes.walkers[lane];
            for (int64_t place = 0; place < work.kept; ++place)
                if (work.keep[place] == k)
                    write(lanes.block->words(), lane,
                          work.states + ((place * run_.replicas + first + r) * rows + row) * run_.sites);
        });
    }

    void give_best(const LadderWork& work, const std::vector<Lanes>& unit, int64_t first) {
        each_lane(unit, [&](const Lanes& lanes, int64_t lane, int64_t k, int64_t r) {
            const int64_t at = k * run_.replicas + first + r;
            work.best_energies[at] = lanes.best[lane];
            write(lanes.best_words->get(), lane, work.best_states + at * run_.sites);
        });
    }

    void write(const uint64_t* words, int64_t lane, uint8_t* out) const {
        for (int64_t i = 0; i < run_.sites; ++i) out[i] = words[i] >> lane & 1;
    }

    LadderSpec spec_;
    Run run_;
    PackEnergies energies_;
    int64_t unit_, count_;
    std::vector<std::vector<Lanes>> units_;
};
#endif
