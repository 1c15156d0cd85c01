package broken

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riptidecrawler/coordkit/coordination"
)

func memberFaults() []Fault {
	return slices.Concat(registeringFaults(), metadataFaults(), deregisteringFaults(), listingFaults(), heartbeatFaults())
}

// registeringFaults are faults in what RegisterNode does.
func registeringFaults() []Fault {
	return []Fault{
		{
			Name:   "members-in-the-handle",
			Does:   "keeps the members in the handle that has registered them",
			Breaks: breaks("value-11 member-1 member-4..16 member-18..21 member-23..31 member-33 health-6 isolate-1 argument-9..11 close-9..10"),
			spoil:  each(func(a *adapter) { a.membersFrom(a.private()) }),
		},
		{
			Name:   "members-among-the-keys",
			Does:   `keeps the members under the user's keys "node:…"`,
			Breaks: breaks("value-11 keys-4 delete-15 member-8 lease-32 isolate-11..16 argument-9 close-9 share-7"),
			spoil:  each(membersAmongTheKeys),
		},
		{
			Name:   "node-for-thirty-seconds",
			Does:   "keeps a node that has registered for 30 s",
			Breaks: breaks("member-16 member-18"),
			spoil:  registers(func(*ends, string) time.Duration { return 30 * time.Second }),
		},
		{
			Name:   "node-for-good",
			Does:   "keeps a node that has registered until it is deregistered",
			Breaks: breaks("member-17..18 member-20"),
			spoil:  registers(func(*ends, string) time.Duration { return 1000 * time.Hour }),
		},
		{
			Name:   "list-of-nodes-in-one-record",
			Does:   "reads the list of the nodes and writes it back with another one, so that one of two that register at the same time is lost",
			Breaks: breaks("member-10"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
					if badKey([]string{nodeID}) >= 0 || coordination.CheckPayload("", "", metadata) != nil {
						return good.registerNode(ctx, nodeID, metadata)
					}
					before, err := good.listNodes(ctx)
					if err != nil {
						return err
					}
					a.interleave()
					now, err := good.listNodes(ctx)
					if err != nil {
						return err
					}
					for _, lost := range now {
						if !slices.Contains(before, lost) && lost != nodeID {
							a.strike()
							if _, err := good.deregisterNode(ctx, lost); err != nil {
								return err
							}
						}
					}
					return good.registerNode(ctx, nodeID, metadata)
				}
			}),
		},
	}
}

// metadataFaults are faults in what becomes of a node's metadata.
func metadataFaults() []Fault {
	return []Fault{
		{
			Name:   "unknown-member-is-an-error",
			Does:   "gives an error where a node is no member",
			Breaks: breaks("member-3 member-13 member-17 member-22..24 member-26 member-29..31 isolate-8"),
			spoil: described(func(a *adapter, nodeID string, metadata []byte, found bool) ([]byte, bool, error) {
				if !found {
					a.strike()
					return nil, false, fmt.Errorf("node metadata: %q: %w", nodeID, coordination.ErrNotRegistered)
				}
				return metadata, found, nil
			}),
		},
		{
			Name:   "no-metadata-no-member",
			Does:   "takes a node without metadata for no member",
			Breaks: breaks("member-5..6 member-15 member-33"),
			spoil: described(func(a *adapter, _ string, metadata []byte, found bool) ([]byte, bool, error) {
				return metadata, instead(a, found, found && len(metadata) > 0), nil
			}),
		},
		{
			Name:   "metadata-are-text",
			Does:   "keeps metadata as text, with U+FFFD in place of bytes that are none",
			Breaks: breaks("member-4 member-7 isolate-16"),
			spoil:  misdescribes(func(metadata []byte) []byte { return bytes.ToValidUTF8(metadata, []byte("\uFFFD")) }),
		},
		{
			Name:   "metadata-of-the-first-time",
			Does:   "keeps the metadata with which a node has first registered (HSETNX)",
			Breaks: breaks("member-4 member-6 member-19 share-9"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.registerNode = func(ctx context.Context, nodeID string, metadata []byte) error {
					if first, found, err := good.nodeMetadata(ctx, nodeID); err == nil && found && !bytes.Equal(first, metadata) &&
						coordination.CheckPayload("", "", metadata) == nil {
						a.strike()
						metadata = first
					}
					return good.registerNode(ctx, nodeID, metadata)
				}
			}),
		},
		{
			Name:   "no-metadata-leave-the-old",
			Does:   "leaves the metadata of old where a node registers without any, even one that had gone",
			Breaks: breaks("member-6 member-15 member-33"),
			spoil:  byNamespace(noMetadataLeaveTheOld),
		},
		{
			Name:   "heartbeat-loses-metadata",
			Does:   "writes a node's record anew at a heartbeat, without its metadata",
			Breaks: breaks("member-21 member-23 member-27..28 isolate-8"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.heartbeat = func(ctx context.Context, nodeID string, ttl time.Duration) error {
					if err := good.heartbeat(ctx, nodeID, ttl); err != nil {
						return err
					}
					a.strike()
					if err := good.registerNode(ctx, nodeID, nil); err != nil {
						return err
					}
					return good.heartbeat(ctx, nodeID, ttl)
				}
			}),
		},
	}
}

// deregisteringFaults are faults in what DeregisterNode does.
func deregisteringFaults() []Fault {
	return []Fault{
		{
			Name:   "deregister-always-finds",
			Does:   "says of every node that it has deregistered it",
			Breaks: breaks("member-11 member-13..14 member-32 isolate-8"),
			spoil:  deregisters(func(*adapter, string, bool) bool { return true }),
		},
		{
			Name:   "deregister-finds-the-ended",
			Does:   "says of a node that has ended that it has deregistered it",
			Breaks: breaks("member-32"),
			spoil: ofNodes(func(a *adapter, e *ends) {
				good := a.methods
				a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
					left, ended := e.left(nodeID)
					was, err := good.deregisterNode(ctx, nodeID)
					return instead(a, was, err == nil && (was || ended && left <= 0)), err
				}
			}),
		},
		{
			Name:   "deregistering-takes-a-while",
			Does:   "leaves a node that is deregistered to end by itself within a second",
			Breaks: breaks("member-7..8 member-13..14 member-30 health-6 isolate-11..16"),
			spoil: each(func(a *adapter) {
				good := a.methods
				a.deregisterNode = func(ctx context.Context, nodeID string) (bool, error) {
					err := good.heartbeat(ctx, nodeID, time.Second)
					if errors.Is(err, coordination.ErrNotRegistered) {
						return false, nil
					}
					if err == nil {
						a.strike()
					}
					return err == nil, err
				}
			}),
		},
	}
}

// listingFaults are faults in what ListNodes returns.
func listingFaults() []Fault {
	return []Fault{
		{
			Name:   "no-nodes-are-nil",
			Does:   "lists nil where there are no nodes",
			Breaks: breaks("member-2 member-13 member-17..18 member-20 member-22..23 member-26 member-30 lease-23 health-2 isolate-8 isolate-11..17"),
			spoil: lists(func(_ *adapter, nodes []string) []string {
				if len(nodes) == 0 {
					return nil
				}
				return nodes
			}),
		},
		{
			Name:   "nodes-in-disorder",
			Does:   "lists nodes in the order of their lengths",
			Breaks: breaks("member-5 member-7 member-27"),
			spoil: lists(func(_ *adapter, nodes []string) []string {
				slices.SortStableFunc(nodes, func(a, b string) int { return len(a) - len(b) })
				return nodes
			}),
		},
		{
			Name:   "first-page-of-nodes",
			Does:   "lists the first 100 nodes",
			Breaks: breaks("member-9"),
			spoil:  lists(func(_ *adapter, nodes []string) []string { return nodes[:min(len(nodes), 100)] }),
		},
		{
			Name:   "node-listed-for-each-registration",
			Does:   "lists a node as often as it has registered",
			Breaks: breaks("member-6 member-18..19"),
			spoil:  byNamespace(nodeListedForEachRegistration),
		},
	}
}
