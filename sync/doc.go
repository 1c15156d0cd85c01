// Package sync keeps a cache on every node of a cluster coherent, and finds a
// leader, over nothing but the port of package coordination. It is imported as
// dsync, as its name is that of a standard package.
//
// # What is guaranteed
//
// Agree or miss: a cache may forget, never lie.
//
//   - No node serves a key with a value older than any operation that it has
//     applied, or given up as lost, and that bears on the key.
//   - No node serves a value that it has loaded for itself (see Fill) if the load began
//     before an operation on the key that the node has applied, or given up as lost. Two
//     nodes may serve different loaded values while the source changes, until the delete
//     that follows the change.
//   - With Recovery.Suspicion TreatAsMiss a node that is cut off stops serving its cache:
//     when none of its own heartbeats has come back for Recovery.MaxStaleness since one
//     was due. It serves again when a heartbeat has come back, and what was missed is
//     known or written off. So it serves nothing that it missed for longer than a
//     HeartbeatInterval and MaxStaleness, 20 s by default.
//   - Once faults stop, no two live nodes serve different told values for one key. A
//     node knows of what it has missed by the next message of whoever sent it,
//     a HeartbeatInterval later at the most, and is over it Recovery.Grace and
//     Recovery.Timeout after that: 5.35 s by default. A cache that was emptied
//     just before may wait half an interval for being emptied again. It takes
//     three intervals to notice a subscription that hears nothing, and to give
//     up what a node that has crashed may have said last.
//
// A miss is always right, and all that a lack of memory leads to.
//
// # What is not
//
//   - An operation is not there on all nodes at once: until a node has heard of
//     it, and for as long as said above where it was lost, that node serves what
//     was before (see Recovery.Suspicion, Readable).
//   - Of operations that know nothing of one another the one with the later
//     clock wins, so that it matters how far the clocks agree (see
//     ClusterStatus.ClockOffset). Nothing tells him who was overruled.
//   - An error of the port undoes nothing: the operation stands (ErrDelayed), and the
//     others receive it later. A call waits for the backend for Options.PublishTimeout
//     at most.
//   - FallbackIgnore, and a ConsensusManager that does not keep to what is asked
//     of one, give the guarantee up. What is put into a cache other than by this
//     package is not covered, nor is an operation without Epoch and Seq, the loss
//     of which shows nowhere.
//   - The leader is alone by the backend's clock, as coordination.Leadership has
//     it. That is no mutual exclusion of its work: see coordination.Guard. The
//     coherence of the caches never depends on it.
//
// # The shared store
//
// Without Options.Cache the nodes keep their values in the port's key store. Each
// node then carries out each operation there. Recovery leaves the store alone, as
// nothing is missed in what all share; but a node that lags may put back a value
// that another has replaced, until it comes to the newer operation itself, or, if
// that is lost to it for good, until the value's time to live ends.
//
// # How it works
//
// Every operation has a [Stamp] of a hybrid logical clock; the newest one on a key
// wins. Deletes are remembered as tombstones, and so are invalidations, for all
// the keys that they match; both refuse an older Set that comes later. The table
// of stamps is bounded: what it forgets raises a floor, below which every Set is
// refused.
//
// Every node numbers its operations, and says in each message how far it has got.
// The numbers that do not arrive are a hole, with a time of grace of its own.
// Whatever goes wrong on the way, a message that the port lost, that could not be
// published or that could not be read, comes to be a hole, and is healed in one
// way: the origin is asked, up to three times, and tells again what its history
// still holds; failing that the cache is emptied, or what Recovery says, and the
// hole's newest possible stamp becomes the floor. Heartbeats carry the last
// number, so that a lost last message shows, and those of the other nodes, so
// that the last words of a node that has crashed show to those who missed them.
// A node's own heartbeats come back to it: three that do not mean that its
// subscription is deaf, and it is opened anew.
//
// A node that meets an older one, by their epochs, can't know what that has said
// before; nor can one that has missed ten heartbeats of another know of whom they
// told. It takes the other one's clock for its floor and empties its cache, with
// FallbackReload too, as to reload for each node that is met would be too much, but
// not with FallbackIgnore.
//
// Callers send for one another: what comes while a message is on its way goes
// together into the next one, and a newer operation on a key replaces an older one
// that was not numbered yet.
//
// A leader relies on its lease from before it asked for it, by two clocks, and
// stops its work before the lease can have ended; see [LeaderElection].
//
// # The wire
//
// A message is a JSON object on Options.Channel. Fields that are zero or empty may
// be left out, but for origin_node; numbers are integers where nothing else is
// said, and up to 2^53-1. Stamps and clocks are in microseconds since 1970, each
// with a counter within the microsecond, of 32 bits.
//
//	version        1; 0 is the first generation, which has only origin_node and
//	               the fields of one operation up to priority, less key_bytes
//	origin_node    string: the sender, in UTF-8
//	epoch          the sender's incarnation: seconds since 1970, times 2^20, and
//	               a random number; 0 where it does not number its operations
//	seq            the highest number that it has given
//	clock, clock_logical   its hybrid clock when it sent the message
//	operations     array of operations; a single one whose number is seq has
//	               its fields in the message itself instead
//
// An operation:
//
//	id             string, for people only
//	operation_type "Set", "Delete", "InvalidatePattern" or "Clear"
//	key            string: the key, or the pattern
//	key_bytes      base64: the same, where it is no UTF-8
//	value          base64; an array of bytes as numbers is read as well
//	ttl            seconds, to three decimals; 0 for no end
//	timestamp      RFC 3339: the sender's wall clock; left out in operations
//	priority       -2^31 to 2^31-1
//	stamp, logical its stamp, of which origin_node, epoch and priority are part;
//	               without one it has that of its timestamp
//	seq            its number, from 1; 0 where epoch is
//
// A heartbeat has, instead of an operation's fields, id, timestamp and
//
//	operation_type "Heartbeat"
//	beat           how many the sender has sent
//	term           that in which the sender leads; 0 where it does not
//	released       true: it has just given up the leadership
//	leaving        true: it ends
//	seen           array of {node, epoch, seq}: the incarnations that it has
//	               heard since its tenth last heartbeat, and how far their numbers go
//
// What is meant for one node alone goes to its inbox: the channel of that name, a
// colon, and the node. It has no operation_type, and one of
//
//	request        {epoch, spans}: tell me again the operations with these
//	               numbers; spans are pairs [from, to], both included, ascending
//	refused        the same: these, of mine, I can't tell again
//	operations     those asked for, as they were sent, but that a Set has what is
//	               left of its ttl, and is a Delete where nothing is
//
// Unknown fields are ignored. Of a message of a higher version a reader takes
// origin_node, epoch, seq and clock, which therefore mean the same in all; what it
// carries is then a hole to that reader, which asks in vain and ends with its
// fallback. An operation that can't be read, of a type unknown or out of bounds, is
// dropped and becomes a hole too, while the rest of its message counts. What is no
// message at all is taken for lost: where one of those who may have sent it says
// nothing more, the cache is emptied. All of this is counted in
// ClusterStatus.Unreadable and told as MessageUnreadable; none of it ends anything.
//
// # Bounds
//
// Options.Limits bound the table of stamps, the history, the queue, the batches and
// the nodes that are followed. Beside that 256 events wait for an observer, 256
// holes are told apart of each node, and 1,024 keys that the cache has failed to
// forget; with more, everything is forgotten. A message carries operations of 1 MiB
// together, or one alone, and a value has up to [MaxValueLen] bytes. What a
// subscription holds for a slow reader is the adapter's.
//
// # Sources
//
//   - Kulkarni et al., Logical Physical Clocks and Consistent Snapshots in
//     Globally Distributed Databases (2014): the stamps.
//   - Gray and Cheriton, Leases: An Efficient Fault-Tolerant Mechanism for
//     Distributed File Cache Consistency (1989): the leadership.
//   - Kleppmann, How to do distributed locking (2016): the terms.
//   - Nishtala et al., Scaling Memcache at Facebook (NSDI 2013): Begin and SetAt.
package sync
