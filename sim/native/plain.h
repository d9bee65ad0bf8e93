// Replicas in lanes, in plain loops that any compiler vectorises: any generator, any width.
#pragma once

#include <algorithm>

#include "factors.h"
#include "generators.h"
#include "held.h"
#include "observe.h"

// Fields and words to new states, 0 or -1.
class PlainActivation {
public:
    PlainActivation(const Run& run, int64_t level)
        : table_(run.tables + level * run.size), half_(static_cast<Field>(run.size / 2)),
          shift_(static_cast<int>(run.shift)) {}

    void operator()(const Fields& fields, const Word* __restrict words, Field* __restrict states) const {
        const Field low_bits = static_cast<Field>((1 << shift_) - 1), half = half_;
        const Fields::Lanes lowest = -(half - Fields::Lanes{}), highest = -1 - lowest;
        alignas(LINE) Field dither[LANES], address[LANES];
        alignas(LINE) Word threshold[LANES];
        for (int l = 0; l < LANES; ++l) dither[l] = static_cast<Field>(words[l]) & low_bits;
#pragma GCC unroll 16
        for (int k = 0; k < Fields::COUNT; ++k) {
            Fields::Lanes scaled = (fields.lanes[k] + Fields::part(dither, k)) >> static_cast<Field>(shift_);
            scaled = scaled > highest ? highest : scaled;
            scaled = scaled < lowest ? lowest : scaled;
            scaled += half;
            std::memcpy(address + k * Fields::EACH, &scaled, VECTOR);
        }
#pragma GCC unroll 16
        for (int l = 0; l < LANES; ++l) {
            std::size_t a = static_cast<std::size_t>(address[l]);
            asm("" : "+r"(a));  // keeps the compiler from gather instructions, which are slower
            threshold[l] = table_[a];
        }
        for (int l = 0; l < LANES; ++l) states[l] = static_cast<Field>(-(words[l] < threshold[l]));
    }

private:
    const Word* table_;
    Field half_;
    int shift_;
    static constexpr int LANES = Fields::EACH * Fields::COUNT;
};

class PlainBlock {
public:
    static constexpr int LANES = 64;

    // Replicas first … first + real - 1; lanes beyond repeat the last.
    PlainBlock(const Run& run, int64_t first, int64_t real)
        : run_(run), first_(first), real_(real), masks_(run.sites * LANES), words_(run.sites),
          rng_(run.free * STATE), held_(run) {
        for (int l = 0; l < LANES; ++l) {
            const int64_t replica = first + std::min<int64_t>(l, real - 1);
            const uint8_t* init = run.init + replica * run.sites;
            for (int64_t i = 0; i < run.sites; ++i) masks_[i * LANES + l] = static_cast<Field>(-init[i]);
        }
        for_lanes(run.free, LANES, [&](int64_t k, int l) {
            seed(run, first + std::min<int64_t>(l, real - 1), run.order[k], &rng_[k * STATE + l], LANES);
        });
        held_.settle(words());
    }

    void sweep(int64_t level) {
        const PlainActivation activation(run_, level);
        alignas(LINE) Word scratch[LANES];
        for (int64_t k = 0; k < run_.free; ++k) {
            const Word* __restrict words = Generator::step<LANES>(&rng_[k * STATE], time_, scratch);
            Fields sum;
            if (held_.row(k) < 0)
                for (auto& lanes : sum.lanes) lanes = static_cast<Field>(held_.offset(k)) - Fields::Lanes{};
            else
                std::memcpy(sum.lanes, held_.fields(held_.row(k)), sizeof sum.lanes);
            for (int64_t s = run_.first[k]; s < run_.first[k + 1]; ++s) {
                const Field weight = static_cast<Field>(run_.weights[s]);
                sum.add([=](int) { return weight; }, &masks_[static_cast<int64_t>(run_.near[s]) * LANES]);
            }
            if (run_.factors) add_factors(*run_.factors, k, masks_.get(), sum);
            activation(sum, words, &masks_[static_cast<int64_t>(run_.order[k]) * LANES]);
        }
        ++time_;
    }

    // Every site's replicas as bits of one word.
    const uint64_t* words() {
        for (int64_t i = 0; i < run_.sites; ++i) {
            const Field* __restrict masks = &masks_[i * LANES];
            words_[i] = pack_masks(masks);
        }
        return words_.get();
    }

    // Takes the other's states in some lanes, and gives it its own.
    void exchange(PlainBlock& other, uint64_t lanes) {
        alignas(LINE) Field moved[LANES];
        for (int l = 0; l < LANES; ++l) moved[l] = static_cast<Field>(-(lanes >> l & 1));
        Field *__restrict mine = masks_.get(), *__restrict theirs = other.masks_.get();
        for (int64_t i = 0; i < run_.sites * LANES; i += LANES)
            for (int l = 0; l < LANES; ++l) {
                const Field differing = (mine[i + l] ^ theirs[i + l]) & moved[l];
                mine[i + l] ^= differing;
                theirs[i + l] ^= differing;
            }
        settle();
        other.settle();
    }

    // `flips(site)`: lanes whose state changes.
    template <class Flips>
    void flip(const Flips& flips) {
        for (int64_t i = 0; i < run_.sites; ++i)
            if (const uint64_t lanes = flips(i))
                for (int l = 0; l < LANES; ++l) masks_[i * LANES + l] ^= static_cast<Field>(-(lanes >> l & 1));
        settle();
    }

    void load(const uint8_t* states) {
        load_words<uint64_t>(run_, states + first_ * run_.sites, real_, words_.get());
        for (int64_t i = 0; i < run_.sites; ++i)
            for (int l = 0; l < LANES; ++l) masks_[i * LANES + l] = static_cast<Field>(-(words_[i] >> l & 1));
        held_.settle(words_.get());
    }

    void store_generators(uint32_t* out) const {
        for (int64_t k = 0; k < run_.free; ++k)
            for (int l = 0; l < real_; ++l)
                Generator::store(&rng_[k * STATE + l], out + ((first_ + l) * run_.sites + run_.order[k]) * Generator::WORDS,
                                 LANES, time_);
    }

    int64_t first() const { return first_; }
    int64_t real() const { return real_; }
    int64_t time() const { return time_; }

private:
    static constexpr int64_t STATE = int64_t{Generator::PLANES} * LANES;

    // Where sums start, after states of clamped sites may have changed.
    void settle() {
        if (run_.held && run_.held[run_.free]) held_.settle(words());
    }

    const Run& run_;
    int64_t first_, real_, time_ = 0;
    Array<Field> masks_;             // [sites, LANES] 0 or -1
    Array<uint64_t> words_;          // [sites]
    Array<Generator::State> rng_;    // [free, PLANES, LANES]
    HeldFields<Field, LANES> held_;
};
