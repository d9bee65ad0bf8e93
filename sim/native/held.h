// What clamped neighbours add to fields. Their states stand through all sweeps, so it is added up once: a number a site
// where they are the same in every lane, else one a lane.
#pragma once

#include <algorithm>
#include <vector>

#include "kernel.h"

// Sums start from these: biases, and all of the clamped neighbours. `Sum` is the type of a lane's field.
template <class Sum, int LANES>
class HeldFields {
public:
    explicit HeldFields(const Run& run)
        : run_(run), offsets_(run.offsets, run.offsets + run.free), rows_(run.free, -1) {
        if (!run.held) return;
        sites_.assign(run.held_near, run.held_near + run.held[run.free]);
        std::sort(sites_.begin(), sites_.end());
        sites_.erase(std::unique(sites_.begin(), sites_.end()), sites_.end());
        states_.resize(sites_.size());
    }

    // Adds up for states of replicas as bits, a word a site, unless clamped ones are as they were. Whether it did.
    template <class Bits>
    bool settle(const Bits* words) {
        const auto state = [&](std::size_t k) { return static_cast<uint64_t>(words[sites_[k]]); };
        bool as_before = settled_;
        for (std::size_t k = 0; k < sites_.size(); ++k) as_before = as_before && states_[k] == state(k);
        if (as_before) return false;
        settled_ = true;
        for (std::size_t k = 0; k < sites_.size(); ++k) states_[k] = state(k);
        int64_t count = 0;
        for (int64_t k = 0; run_.held && k < run_.free; ++k) {
            bool alike = true;
            offsets_[k] = run_.offsets[k];
            for (int64_t s = run_.held[k]; s < run_.held[k + 1]; ++s) {
                const Bits word = words[run_.held_near[s]];
                alike = alike && (!word || !static_cast<Bits>(~word));
                if (word & 1) offsets_[k] += run_.held_weights[s];
            }
            rows_[k] = alike ? -1 : count++;
        }
        fields_ = Array<Sum>(count * LANES);
        for (int64_t k = 0; k < run_.free; ++k)
            if (rows_[k] >= 0) add_up(k, words, &fields_[rows_[k] * LANES]);
        return true;
    }

    // Of the k-th free site: where every lane starts, if its row is negative.
    int32_t offset(int64_t k) const { return offsets_[k]; }
    int64_t row(int64_t k) const { return rows_[k]; }
    // Where lanes start, of a row.
    const Sum* fields(int64_t row) const { return fields_.get() + row * LANES; }

private:
    template <class Bits>
    void add_up(int64_t k, const Bits* words, Sum* out) const {
        int32_t sums[LANES];
        std::fill_n(sums, LANES, run_.offsets[k]);
        for (int64_t s = run_.held[k]; s < run_.held[k + 1]; ++s) {
            const uint64_t word = words[run_.held_near[s]];
            for (int l = 0; l < LANES; ++l) sums[l] += run_.held_weights[s] & -static_cast<int32_t>(word >> l & 1);
        }
        for (int l = 0; l < LANES; ++l) out[l] = static_cast<Sum>(sums[l]);
    }

    const Run& run_;
    bool settled_ = false;
    std::vector<int32_t> sites_;     // clamped neighbours of free sites
    std::vector<uint64_t> states_;   // theirs, when fields were added up
    std::vector<int32_t> offsets_;
    std::vector<int64_t> rows_;
    Array<Sum> fields_{0};           // [rows, LANES]
};
