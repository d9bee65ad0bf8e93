// Isoenergetic cluster moves between replicas of a level (Houdayer 2001; Zhu, Ochoa & Katzgraber 2015), for eight levels
// of 64 replicas at a time: a bit a replica, so what is done for one pair is done for all of them at once.
//
// Sites where the two replicas of a pair differ form clusters along couplings. Turning a cluster over in both leaves the
// sum of their energies as it is, and leaves where they differ as it is too, so a cluster picked by a rule that looks at
// nothing else is picked as often on the way back: the move is exact and always taken. Without biases the pair may as
// well agree where it differed (one of them turned over as a whole), which makes clusters small again where the overlap
// is negative.
#pragma once

#include "generators.h"
#include "packs.h"

// Sites joined by couplings other than zero, in compressed rows; mirrored by thermofab.sim.native.ladder.Clusters.
struct Clusters {
    int64_t group;             // replicas that pair with one another, a power of two
    int64_t rungs;             // rungs 0 … rungs - 1 take part
    int64_t fold;              // whether a replica may be turned over as a whole
    const int64_t* first;      // [sites + 1]
    const int32_t* near;       // [first[sites]]
};

// Bit l to bit l ^ x, for x below 64.
template <class Word>
inline Word partners(Word word, int64_t x) {
    constexpr uint64_t EVEN[6] = {0x5555555555555555u, 0x3333333333333333u, 0x0f0f0f0f0f0f0f0fu,
                                  0x00ff00ff00ff00ffu, 0x0000ffff0000ffffu, 0x00000000ffffffffu};
    for (int k = 0; k < 6; ++k)
        if (x >> k & 1) word = ((word >> (1 << k)) & EVEN[k]) | ((word & EVEN[k]) << (1 << k));
    return word;
}

// Clusters of up to 2 x SIZE words: both replicas of a pair say the same, so two words share one, the first on the lower
// replicas of its pairs and the other on the upper.
template <int SIZE>
class ClusterMove {
    using Pack = typename PackOf<SIZE>::type;

public:
    static constexpr int64_t WORDS = 2 * SIZE;

    ClusterMove(const Clusters& clusters, int64_t sites)
        : clusters_(clusters), sites_(sites), open_(sites), grown_(sites), marked_(sites + 8) {}

    // `words(p)`: states of word p of the pack, a replica a bit, of which `lanes(p)` take part; `start(p, lane)`: the
    // site where the search for a cluster begins. What turns over is `flips(p, site)` afterwards.
    template <class Lanes, class Words, class Start>
    void grow(int64_t count, int64_t round, const Lanes& lanes, const Words& words, const Start& start) {
        // Replicas l and l ^ partner meet.
        partner_ = 1 + round % (clusters_.group - 1);
        lower_ = 0;
        for (int64_t l = 0; l < 64; ++l) lower_ |= uint64_t{l < (l ^ partner_)} << l;
        low_count_ = (count + 1) / 2;
        const int64_t low = low_count_, high = count - low;
        gather_packs(open_.get(), low, sites_, words);
        gather_packs(grown_.get(), high, sites_, [&](int64_t p) { return words(low + p); });
        Pack here{};
        for (int64_t p = 0; p < low; ++p)
            here[p] = (lanes(p) & lower_) | (p < high ? lanes(low + p) & ~lower_ : 0);
        for (int64_t i = 0; i < sites_; ++i) {
            const Pack one = open_[i] ^ partners(open_[i], partner_), other = grown_[i] ^ partners(grown_[i], partner_);
            open_[i] = ((one & lower_) | (other & ~lower_)) & here;
        }
        if (clusters_.fold) fold(here);
        seed(count, start);
        // Forwards and backwards through the sites next to ones that were reached, until none is left.
        for (bool some = true; some;) {
            some = false;
            for (int64_t eight = 0; eight < eights(); ++eight)
                if (marks(eight))
                    for (int m = 0; m < 8; ++m) some |= visit(8 * eight + m);
            for (int64_t eight = eights() - 1; eight >= 0; --eight)
                if (marks(eight))
                    for (int m = 7; m >= 0; --m) some |= visit(8 * eight + m);
        }
    }

    uint64_t flips(int64_t p, int64_t site) const {
        const bool is_low = p < low_count_;
        const uint64_t half = word_of(p)[site * SIZE] & (is_low ? lower_ : ~lower_);
        return half | partners(half, partner_);
    }

private:

    // Where word p's clusters are, every SIZE words.
    uint64_t* word_of(int64_t p) const {
        return reinterpret_cast<uint64_t*>(grown_.get()) + (p < low_count_ ? p : p - low_count_);
    }

    // Pairs that differ at more than half of the sites: where they agree takes the place of where they differ.
    void fold(const Pack& here) {
        counter_.clear();
        const Pack none{};
        for (int64_t i = 0; i < sites_; i += 8) {
            Pack x[8];
            for (int m = 0; m < 8; ++m) x[m] = i + m < sites_ ? open_[i + m] : none;
            counter_.add8(x);
        }
        // count > floor(sites / 2), compared from the highest plane down.
        const int64_t half = sites_ / 2;
        Pack more{}, equal = ~Pack{};
        int planes = counter_.used();
        while (half >> planes) ++planes;
        for (int k = planes - 1; k >= 0; --k) {
            const Pack plane = k < counter_.used() ? counter_.plane(k) : none;
            if (half >> k & 1)
                equal &= plane;
            else
                more |= equal & plane, equal &= ~plane;
        }
        more &= here;
        if (!any(more)) return;
        for (int64_t i = 0; i < sites_; ++i) open_[i] ^= more;
    }

    // The first open site of every pair from its start on, once around.
    template <class Start>
    void seed(int64_t count, const Start& start) {
        for (int64_t i = 0; i < sites_; ++i) grown_[i] = Pack{};
        Pack wanted{};
        for (int64_t i = 0; i < sites_; ++i) wanted |= open_[i];
        if (!any(wanted)) return;
        for (int64_t p = 0; p < count; ++p)
            for (int64_t lane = 0; lane < 64; ++lane) {
                const int64_t place = p < low_count_ ? p : p - low_count_;
                const int64_t bit = p < low_count_ ? lane : lane ^ partner_;
                if (lower_ >> lane & 1 && wanted[place] >> bit & 1)
                    word_of(p)[start(p, lane) * SIZE] |= uint64_t{1} << bit;
            }
        Pack searching{};
        for (int64_t i = 0; i < sites_; ++i) {
            searching |= grown_[i];
            const Pack found = open_[i] & searching;
            grown_[i] = found;
            if (!any(found)) continue;
            searching &= ~found;
            wanted &= ~found;
            mark_around(i);
        }
        for (int64_t i = 0; i < sites_ && any(wanted); ++i) {
            const Pack found = open_[i] & wanted;
            if (!any(found)) continue;
            grown_[i] |= found;
            wanted &= ~found;
            mark_around(i);
        }
    }

    void mark_around(int64_t site) {
        for (int64_t s = clusters_.first[site]; s < clusters_.first[site + 1]; ++s) marked_[clusters_.near[s]] = 1;
    }

    int64_t eights() const { return (sites_ + 7) / 8; }

    uint64_t marks(int64_t eight) const {
        uint64_t some;
        std::memcpy(&some, &marked_[8 * eight], sizeof some);
        return some;
    }

    bool visit(int64_t site) {
        if (!marked_[site]) return false;
        marked_[site] = 0;
        const Pack left = open_[site] & ~grown_[site];
        if (!any(left)) return false;
        Pack near{};
        for (int64_t s = clusters_.first[site]; s < clusters_.first[site + 1]; ++s) near |= grown_[clusters_.near[s]];
        const Pack fresh = near & left;
        if (!any(fresh)) return false;
        grown_[site] |= fresh;
        mark_around(site);
        return true;
    }

    const Clusters& clusters_;
    int64_t sites_, partner_ = 1, low_count_ = 0;
    uint64_t lower_ = 0;
    Array<Pack> open_;               // [sites] where the pairs differ, or agree
    Array<Pack> grown_;              // [sites] the clusters
    Array<uint8_t> marked_;          // [sites] whether to look at it
    PackCounter<SIZE> counter_;
};
