// Replica exchange in the kernel: ladders in lanes, a block of lanes a rung. thermofab.sim.tempering says what is
// computed, and computes the same on any device.
//
// Neighbouring rungs exchange the states of some of their lanes, a masked exchange of two words a site; generators and
// tables stay where they are. A block of ladders belongs to one thread, or where there are fewer blocks than threads,
// all threads share its rungs and wait for one another after every part of a round.
#pragma once

#include <atomic>
#include <cmath>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "blocks.h"
#include "clusters.h"

// Mirrored, field by field, by thermofab.sim.native.ladder.LadderSpec.
struct LadderSpec {
    int64_t rungs;
    const Run* runs;           // [rungs] one image and as many replicas; keys and states of their own
    const int64_t* levels;     // [rungs]
    const double* scales;      // [rungs] κ
    uint64_t swaps, starts;    // what the words of decisions and of clusters' starts are hashed from
    int64_t exchange;          // whether to offer exchanges
    const Clusters* clusters;  // or null
};

// Mirrored by thermofab.sim.native.ladder.LadderWork. Round numbers go on from call to call.
struct LadderWork {
    int64_t rounds, sweeps, number, warmup;
    int64_t kept;
    const int64_t* keep;       // [kept] rungs whose states are recorded
    uint8_t* states;           // [kept, replicas, rounds - warmup, sites]
    int64_t* energies;         // [rounds - warmup, rungs, replicas]
    int64_t* walkers;          // likewise
    int64_t* taken;            // [rungs - 1] exchanges
    int64_t* best_energies;    // [rungs, replicas] lowest so far
    uint8_t* best_states;      // [rungs, replicas, sites]
};

// ln of a number in (0, 1), by operations that are rounded the same everywhere: thermofab.sim.tempering.decisions.
inline double log_of(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const int64_t exponent = static_cast<int64_t>(bits >> 52) - 1022;
    bits = (bits & 0x000fffffffffffffu) | uint64_t{1022} << 52;
    double m;
    std::memcpy(&m, &bits, sizeof m);
    const double t = (m - 1.0) / (m + 1.0), s = t * t;
    double sum = 0.0;
#pragma GCC unroll 18
    for (int k = 35; k > 0; k -= 2) sum = sum * s + 1.0 / k;
    return static_cast<double>(exponent) * 0.6931471805599453 + 2.0 * t * sum;
}

inline uint64_t hashed_word(uint64_t root, int64_t a, int64_t b, int64_t c) {
    constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15u;
    uint64_t word = mix64((root ^ static_cast<uint64_t>(a)) + GOLDEN);
    word = mix64((word ^ static_cast<uint64_t>(b)) + GOLDEN);
    return mix64((word ^ static_cast<uint64_t>(c)) + GOLDEN);
}

// A word to 0 … count - 1.
inline int64_t scaled(uint64_t word, int64_t count) {
    return static_cast<int64_t>(static_cast<unsigned __int128>(word) * static_cast<uint64_t>(count) >> 64);
}

// Threads that wait for one another.
class Barrier {
public:
    void expect(int64_t count) { count_ = count; }

    void wait() {
        if (count_ == 1) return;
        const int64_t turn = turn_.load();
        if (waiting_.fetch_add(1) + 1 == count_) {
            waiting_ = 0;
            ++turn_;
            return;
        }
        for (int spins = 0; turn_.load() == turn; ++spins)
            if (spins > 2000) std::this_thread::yield();
    }

private:
    int64_t count_ = 1;
    std::atomic<int64_t> waiting_{0}, turn_{0};
};

struct Ladders {
    virtual ~Ladders() = default;
    virtual bool work(const LadderWork& work, int64_t threads, const volatile int32_t* stop) = 0;
};

template <class Block>
class BlockLadders final : public Ladders {
public:
    explicit BlockLadders(const LadderSpec& spec)
        : spec_(spec), run_(spec.runs[0]), energies_(run_), blocks_((run_.replicas + LANES - 1) / LANES) {}

    bool work(const LadderWork& work, int64_t threads, const volatile int32_t* stop) override {
        const int64_t count = static_cast<int64_t>(blocks_.size());
        // Either every thread has blocks of its own, or all of them share one after the other.
        const int64_t team = count >= threads ? 1 : std::max<int64_t>(1, std::min(threads, spec_.rungs));
        std::atomic<int64_t> next{0}, members{0};
        std::atomic<bool> failed{false};
        Barrier barrier;
        const auto take = [&](int64_t member) {
            while (!members) std::this_thread::yield();
            try {
                if (team > 1)
                    for (int64_t b = 0; b < count; ++b) rounds(work, b, member, members, barrier, failed, stop);
                else
                    for (int64_t b; (b = next++) < count && !*stop;) rounds(work, b, 0, 1, barrier, failed, stop);
            } catch (const std::bad_alloc&) {
                failed = true;
            }
        };
        std::vector<std::thread> others;
        try {
            for (int64_t t = 1; t < (team > 1 ? team : std::min(threads, count)); ++t) others.emplace_back(take, t);
        } catch (const std::system_error&) {
            // The machine gives no more threads; those there are do the work.
        }
        barrier.expect(team > 1 ? static_cast<int64_t>(others.size()) + 1 : 1);
        members = static_cast<int64_t>(others.size()) + 1;
        take(0);
        for (std::thread& other : others) other.join();
        return !failed;
    }

private:
    static constexpr int LANES = Block::LANES;

    // 64 ladders: a block of lanes a rung, and what is known of them.
    struct Rung {
        std::unique_ptr<Block> block;
        int64_t energies[64], walkers[64], best[64];
        std::unique_ptr<Array<uint64_t>> best_words;
    };

    void open(std::vector<Rung>& ladder, int64_t b, int64_t k) {
        Rung& rung = ladder[k];
        const int64_t first = b * LANES;
        rung.block = std::make_unique<Block>(spec_.runs[k], first, std::min<int64_t>(LANES, run_.replicas - first));
        rung.best_words = std::make_unique<Array<uint64_t>>(run_.sites);
        for (int l = 0; l < 64; ++l) rung.walkers[l] = k, rung.best[l] = INT64_MAX;
    }

    // All rounds of one block's ladders, by member `member` of a team.
    void rounds(const LadderWork& work, int64_t b, int64_t member, int64_t team, Barrier& barrier,
                std::atomic<bool>& failed, const volatile int32_t* stop) {
        std::vector<Rung>& ladder = blocks_[b];
        if (member == 0 && ladder.empty()) ladder.resize(spec_.rungs);
        barrier.wait();
        std::optional<ClusterMove<PACK>> move;
        std::optional<Array<Pack>> packs;
        PackEnergies energies = energies_;
        try {
            packs.emplace(run_.sites + 1);
            for (int64_t k = member; k < spec_.rungs; k += team)
                if (!ladder[k].block) open(ladder, b, k);
            if (spec_.clusters) move.emplace(*spec_.clusters, run_.sites);
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        barrier.wait();
        if (failed) return;
        const int64_t real = ladder[0].block->real();
        const uint64_t lanes = real < 64 ? (uint64_t{1} << real) - 1 : ~uint64_t{0};
        // Rungs whose clusters grow together: as many as may, but so that every member has some.
        const int64_t turning = spec_.clusters ? spec_.clusters->rungs : 0;
        const int64_t parts = std::max((turning + ClusterMove<PACK>::WORDS - 1) / ClusterMove<PACK>::WORDS, team);
        const int64_t turned = std::max<int64_t>(1, (turning + parts - 1) / parts);
        // Members must agree on when to stop: the first of them decides between barriers.
        for (int64_t r = 0; r < work.rounds && !halted_; ++r) {
            const int64_t number = work.number + r;
            if (move)
                for (int64_t k = turned * member; k < spec_.clusters->rungs; k += turned * team)
                    turn(*move, ladder, b, k, std::min(turned, spec_.clusters->rungs - k), number, lanes);
            barrier.wait();
            for (int64_t k = member; k < spec_.rungs; k += team)
                for (int64_t s = 0; s < work.sweeps; ++s) ladder[k].block->sweep(spec_.levels[k]);
            barrier.wait();
            for (int64_t k = PACK * member; k < spec_.rungs; k += PACK * team)
                look(energies, packs->get(), ladder, k, std::min<int64_t>(PACK, spec_.rungs - k), lanes);
            barrier.wait();
            if (spec_.exchange)
                for (int64_t k = number % 2 + 2 * member; k + 1 < spec_.rungs; k += 2 * team)
                    exchange(work, ladder, b, k, number, real);
            if (member == 0 && *stop) halted_ = true;
            barrier.wait();
            if (r >= work.warmup)
                for (int64_t k = member; k < spec_.rungs; k += team) record(work, ladder[k], b, k, r - work.warmup);
            if (move) barrier.wait();
        }
        for (int64_t k = member; k < spec_.rungs; k += team) give_best(work, ladder[k], b, k);
    }

    // Energies of some rungs, and the best of them.
    void look(PackEnergies& energies, Pack* packs, std::vector<Rung>& ladder, int64_t first, int64_t count,
              uint64_t lanes) {
        std::array<const uint64_t*, PACK> words{};
        for (int64_t p = 0; p < count; ++p) words[p] = ladder[first + p].block->words();
        gather_packs(packs, count, run_.sites, [&](int64_t p) { return words[p]; });
        energies(packs, count, [&](int64_t p) { return words[p]; }, [&](int64_t p) { return ladder[first + p].energies; });
        for (int64_t p = 0; p < count; ++p) {
            Rung& rung = ladder[first + p];
            uint64_t better = 0;
            for (int l = 0; l < 64; ++l)
                if (rung.energies[l] < rung.best[l]) better |= uint64_t{1} << l, rung.best[l] = rung.energies[l];
            if (!(better & lanes)) continue;
            uint64_t* __restrict best = rung.best_words->get();
            for (int64_t i = 0; i < run_.sites; ++i) best[i] ^= (best[i] ^ words[p][i]) & better;
        }
    }

    void exchange(const LadderWork& work, std::vector<Rung>& ladder, int64_t b, int64_t k, int64_t number,
                  int64_t real) {
        Rung &cold = ladder[k], &hot = ladder[k + 1];
        alignas(LINE) double least[64];  // gains below it are refused
        for (int l = 0; l < 64; ++l) {
            const uint64_t word = hashed_word(spec_.swaps, number, k, b * LANES + l);
            least[l] = log_of((static_cast<double>(static_cast<int64_t>(word >> 11)) + 0.5) / 9007199254740992.0);
        }
        uint64_t swapped = 0;
        for (int64_t l = 0; l < real; ++l) {
            const double gain =
                (spec_.scales[k] - spec_.scales[k + 1]) * static_cast<double>(cold.energies[l] - hot.energies[l]);
            if (!(gain >= 0 || least[l] < gain)) continue;
            swapped |= uint64_t{1} << l;
            std::swap(cold.energies[l], hot.energies[l]);
            std::swap(cold.walkers[l], hot.walkers[l]);
        }
        if (!swapped) return;
        cold.block->exchange(*hot.block, swapped);
        __atomic_fetch_add(work.taken + k, __builtin_popcountll(swapped), __ATOMIC_RELAXED);
    }

    void turn(ClusterMove<PACK>& move, std::vector<Rung>& ladder, int64_t b, int64_t first, int64_t count, int64_t number,
              uint64_t lanes) {
        move.grow(
            count, number, [&](int64_t) { return lanes; },
            [&](int64_t p) { return ladder[first + p].block->words(); },
            [&](int64_t p, int64_t lane) {
                const uint64_t word = hashed_word(spec_.starts, number, first + p, b * LANES + lane);
                return scaled(word, run_.sites);
            });
        for (int64_t p = 0; p < count; ++p)
            ladder[first + p].block->flip([&](int64_t site) { return move.flips(p, site); });
    }

    void record(const LadderWork& work, const Rung& rung, int64_t b, int64_t k, int64_t row) {
        const int64_t rows = work.rounds - work.warmup, real = rung.block->real();
        const int64_t at = (row * spec_.rungs + k) * run_.replicas + b * LANES;
        std::copy_n(rung.energies, real, work.energies + at);
        std::copy_n(rung.walkers, real, work.walkers + at);
        for (int64_t place = 0; place < work.kept; ++place)
            if (work.keep[place] == k)
                spread(rung.block->words(), real, [&](int64_t l) {
                    return work.states + ((place * run_.replicas + b * LANES + l) * rows + row) * run_.sites;
                });
    }

    void give_best(const LadderWork& work, const Rung& rung, int64_t b, int64_t k) {
        const int64_t at = k * run_.replicas + b * LANES;
        std::copy_n(rung.best, rung.block->real(), work.best_energies + at);
        spread(rung.best_words->get(), rung.block->real(),
               [&](int64_t l) { return work.best_states + (at + l) * run_.sites; });
    }

    // Bits of every replica to bytes at `to(replica)`.
    template <class To>
    void spread(const uint64_t* words, int64_t real, const To& to) const {
        uint64_t rows[64];
        for (int64_t i = 0; i < run_.sites; i += 64) {
            const int64_t length = std::min<int64_t>(64, run_.sites - i);
            std::copy_n(words + i, length, rows);
            std::fill(rows + length, rows + 64, 0);
            transpose(rows);
            for (int64_t l = 0; l < real; ++l) spread_bits(rows[l], to(l) + i, length);
        }
    }

    LadderSpec spec_;
    Run run_;
    PackEnergies energies_;
    std::vector<std::vector<Rung>> blocks_;
    std::atomic<bool> halted_{false};
};
