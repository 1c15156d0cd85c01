package sync

import "github.com/riptidecrawler/coordkit/coordination"

// Conflict is what a node knows that bears on an operation. A stamp is zero
// where there is nothing of its kind.
type Conflict struct {
	// Key is the stamp of the newest operation of the same scope that was
	// applied: on the key for a Set or a Delete, on the very pattern or on
	// everything for an InvalidatePattern, on everything for a Clear.
	Key Stamp
	// Range is that of the newest InvalidatePattern that covers the key.
	Range Stamp
	// Floor is that below which the node no longer knows what has been: a Clear,
	// operations that were lost for good, an older node that was met, or stamps
	// that were forgotten.
	Floor Stamp
}

// ConsensusManager resolves conflicts: it decides whether a node applies an
// operation. Every node decides for itself, in whatever order operations reach
// it, so that all come to the same end only where the order does not matter: a
// decision must follow from the stamps, priorities and contents alone, be the
// same for both orders of two operations, and refuse one that was applied. What
// does not hold to that gives up the guarantee of the package.
//
// Decide must not block, must not change or keep the operation's Value, and is
// never called by two goroutines of one node at once. The reason of a rejection
// is for people. A Decide that panics rejects.
type ConsensusManager interface {
	Decide(operation Operation, conflict Conflict) (apply bool, reason string)
}

// LastWriterWins is the default: the newest operation on a key wins; deletes and
// invalidations stay as tombstones that refuse what is older and comes later. It
// is commutative, associative and idempotent.
type LastWriterWins struct{}

var _ ConsensusManager = LastWriterWins{}

// Decide implements ConsensusManager. A Set is refused below the floor, where it
// may be older than what is not known any more; what forgets is not.
func (LastWriterWins) Decide(operation Operation, conflict Conflict) (apply bool, reason string) {
	stamp := operation.Stamp
	switch {
	case !stamp.newerThan(conflict.Key):
		return false, "a newer operation of its scope was applied"
	case operation.Type != Set:
		return true, ""
	case !stamp.newerThan(conflict.Range):
		return false, "a newer invalidation covers the key"
	case !stamp.newerThan(conflict.Floor):
		return false, "older than what the node remembers"
	}
	return true, ""
}

// covers reports whether a tombstone of pattern forgets key.
func covers(pattern, key string) bool { return coordination.Match(pattern, key) }
