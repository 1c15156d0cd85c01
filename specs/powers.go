package specs

import (
	"context"
	"fmt"
	"runtime"

	"github.com/riptidecrawler/coordkit/coordination"
)

// need returns the subject's power, or ends the behaviour as not checked.
func need[Power any](c *cluster, reason string) Power {
	power, ok := c.subject.(Power)
	if !ok {
		c.notChecked(reason)
	}
	return power
}

// use uses a power of the subject. What goes wrong with it is the subject's fault,
// and breaks no promise of the adapter's.
func (c *cluster) use(what string, power func() error) {
	if err := guarded(c.judge.patience, what, power); err != nil {
		c.blame(fmt.Sprintf("%s of the subject: %v", what, err))
		runtime.Goexit()
	}
}

// own puts the subject on a backend of its own.
func (c *cluster) own(subject Owner) {
	c.use("Own", func() error { return subject.Own(c.ctx) })
}

// stoppable stops and starts the backend as behaviours know it.
type stoppable struct {
	power Backend
	c     *cluster
}

// backend returns the subject's power over its backend, put on one of its own.
func (c *cluster) backend() stoppable {
	power := need[Backend](c, "the subject can't stop its backend")
	c.own(power)
	return stoppable{power, c}
}

func (s stoppable) stop() {
	s.c.timeline.note("backend", "it is stopped")
	s.c.use("Stop", func() error { return s.power.Stop(s.c.ctx) })
}

func (s stoppable) start() {
	s.c.timeline.note("backend", "it is started")
	s.c.use("Start", func() error { return s.power.Start(s.c.ctx) })
}

// refusing returns what has a backend of the subject's own refuse writes, and
// take them again.
func (c *cluster) refusing() (refuse func(writes bool)) {
	power := need[Refusing](c, "the subject's backend can't be made to refuse writes")
	c.own(power)
	return func(writes bool) {
		c.use("Refuse", func() error { return power.Refuse(c.ctx, writes) })
	}
}

// forgetful returns what has the backend lose the adapter's records.
func (c *cluster) forgetful() (forget func()) {
	power := need[Forgetful](c, "the subject's backend can't lose its records")
	return func() {
		c.use("Forget", func() error { return power.Forget(c.ctx, c.namespace) })
	}
}

// foreign returns what stores a value of another program, and then tells whether
// it is still there.
func (c *cluster) foreign() (store func() (there func() bool)) {
	power := need[Foreign](c, "the subject's backend is shared with nobody")
	return func() (there func() bool) {
		var ask func(context.Context) (bool, error)
		c.use("Store", func() (err error) {
			ask, err = power.Store(c.ctx, c.namespace)
			return err
		})
		return func() (found bool) {
			c.use("what Store returned", func() (err error) {
				found, err = ask(c.ctx)
				return err
			})
			return found
		}
	}
}

// connected returns what counts the connections of a handle.
func (c *cluster) connected() (count func(coordination.DistributedCoordination) int) {
	power := need[Connections](c, "the subject can't count connections")
	return func(handle coordination.DistributedCoordination) (n int) {
		c.use("Connections", func() error {
			n = power.Connections(bare(handle))
			return nil
		})
		return n
	}
}

// buffer returns how many messages a subscription holds.
func (c *cluster) buffer() (held int) {
	const fewest, most = 1_000, 1_000_000
	power := need[Buffered](c, "the subject does not say how many messages a subscription holds")
	c.use("Buffer", func() error {
		held = power.Buffer()
		if held < fewest || held > most {
			return fmt.Errorf("it holds %d messages, and must hold %d to %d", held, fewest, most)
		}
		return nil
	})
	return held
}

// linked breaks the links of handles as behaviours know them.
type linked struct {
	links Links
	c     *cluster
}

// links returns the subject's power over links.
func (c *cluster) links() linked {
	return linked{need[Links](c, "the subject can't break a handle's connections"), c}
}

// freezing is links of a subject that can also freeze them.
func (c *cluster) freezing() linked {
	need[Freezing](c, "the subject can't freeze a handle's connections")
	return c.links()
}

func (l linked) Cut(handle coordination.DistributedCoordination) {
	l.do("Cut", l.links.Cut, handle)
}

func (l linked) Freeze(handle coordination.DistributedCoordination) {
	l.do("Freeze", l.links.(Freezing).Freeze, handle)
}

func (l linked) Heal(handle coordination.DistributedCoordination) {
	l.do("Heal", l.links.Heal, handle)
}

func (l linked) do(what string, do func(coordination.DistributedCoordination), handle coordination.DistributedCoordination) {
	if p, recorded := handle.(*peer); recorded {
		l.c.timeline.note(p.name, map[string]string{"Cut": "its link is cut", "Freeze": "its link freezes", "Heal": "its link is healed"}[what])
	}
	l.c.use(what, func() error {
		do(bare(handle))
		return nil
	})
}
