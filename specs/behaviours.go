package specs

import (
	"fmt"
	"path"
	"runtime"

	"github.com/riptidecrawler/coordkit/specs/report"
)

// Version is the version of the contract. It rises with every release that adds
// a behaviour or changes what one demands; CHANGELOG.md says what each brought.
const Version = "2"

// behaviour is one promise of the contract, and the body that shows it on a
// cluster of handles on one backend.
type behaviour struct {
	report.Behaviour
	body func(*cluster)

	file       string // and line, where it is declared
	line       int
	serial     bool // runs beside no other
	unrecorded bool // has no timeline
}

// option says something about a behaviour that is so for few.
type option func(*behaviour)

// serial has a behaviour run beside no other spec.
func serial(b *behaviour) { b.serial = true }

// unrecorded has a behaviour run without a timeline, whose lock would order what
// the race detector is to see unordered.
func unrecorded(b *behaviour) { b.unrecorded = true }

// since says which version of the contract brought a behaviour.
func since(version string) option {
	return func(b *behaviour) { b.Since = version }
}

// contract collects the behaviours while it walks through those who declare them.
type contract struct {
	role, theme, source string
	behaviours          []behaviour
}

// Behaviours returns the contract: every behaviour in order, without outcomes.
// The slice belongs to the caller.
func Behaviours() []report.Behaviour {
	var all []report.Behaviour
	for _, b := range behaviours() {
		all = append(all, b.Behaviour)
	}
	return all
}

// behaviours walks through all that declare some.
func behaviours() []behaviour {
	c := &contract{}
	c.role = "Messaging"
	c.group("publishing", "coordination.Messaging; https://redis.io/docs/latest/commands/publish", c.publishing)
	c.group("patterns", "coordination.Match; https://redis.io/docs/latest/commands/psubscribe", c.patterns)
	c.group("slow subscribers and broken links", "coordination.ErrMessagesLost; https://redis.io/docs/latest/develop/pubsub", c.buffering)
	c.group("subscriptions", "coordination.Subscription", c.subscriptions)
	c.group("acknowledgement", "coordination.Messaging, PublishWithAck", c.acknowledgement)
	c.role = "Key store"
	c.group("values", "coordination.KeyStore, Get and Set", c.values)
	c.group("time to live", "coordination.KeyStore, Set; https://redis.io/docs/latest/commands/expire", c.expiry)
	c.group("listing keys", "coordination.KeyStore, Keys; https://redis.io/docs/latest/commands/scan", c.keys)
	c.group("deleting", "coordination.KeyStore, Delete, DeleteMany and FlushAll", c.deletion)
	c.role = "Membership"
	c.group("members", "coordination.Membership", c.membership)
	c.role = "Leadership"
	c.group("the lease", "coordination.Leadership; Gray and Cheriton, Leases, SOSP 1989", c.leadership)
	c.group("elections by name", "coordination.Elections", c.elections)
	c.group("contention", "coordination.Leadership, TryAcquireLeadership", c.contention)
	c.group("linearizability", "Herlihy and Wing, Linearizability, TOPLAS 12(3), 1990", c.linearizability)
	c.role = "Diagnostics"
	c.group("health and figures", "coordination.Diagnostics", c.diagnostics)
	c.role = "Isolation"
	c.group("namespaces", "coordination.DistributedCoordination", c.isolation)
	c.role = "Every method"
	c.group("arguments", "coordination.ErrInvalidArgument", c.arguments)
	c.group("errors", "coordination.DistributedCoordination", c.errors)
	c.group("contexts", "coordination.DistributedCoordination; https://pkg.go.dev/context", c.contexts)
	c.group("closing", "coordination.DistributedCoordination, Close", c.closing)
	c.group("concurrent use", "coordination.DistributedCoordination", c.sharing)
	c.group("outages", "coordination.ErrUnavailable", c.outages)
	return c.behaviours
}

// group declares the behaviours of one theme, which share their source.
func (c *contract) group(theme, source string, declare func()) {
	c.theme, c.source = theme, source
	declare()
}

// it declares one behaviour: its identifier, which is never given to another
// one, its sentence, and the body that shows it.
func (c *contract) it(id, sentence string, body func(*cluster), options ...option) {
	b := behaviour{body: body}
	_, b.file, b.line, _ = runtime.Caller(1)
	b.Behaviour = report.Behaviour{
		ID: id, Role: c.role, Group: c.theme, Sentence: sentence,
		Source: c.source, Spec: fmt.Sprintf("specs/%s:%d", path.Base(b.file), b.line),
	}
	for _, set := range append([]option{since("1")}, options...) {
		set(&b)
	}
	c.behaviours = append(c.behaviours, b)
}
