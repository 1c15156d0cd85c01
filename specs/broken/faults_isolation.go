package broken

import (
	"context"
	"slices"

	"github.com/riptidecrawler/coordkit/coordination"
)

func isolationFaults() []Fault {
	return slices.Concat(sharedNamespaces(), misreadNamespaces())
}

// sharedNamespaces are faults of roles that have no namespaces.
func sharedNamespaces() []Fault {
	return []Fault{
		{
			Name:   "keys-without-namespace",
			Does:   "has the same keys in all namespaces",
			Breaks: breaks("isolate-6..7 isolate-11..17"),
			spoil:  confusedKeys(allOne),
		},
		{
			Name:   "nodes-without-namespace",
			Does:   "has the same members in all namespaces",
			Breaks: breaks("isolate-8 isolate-10..17"),
			spoil:  confusedNodes(allOne),
		},
		{
			Name:   "channels-without-namespace",
			Does:   "delivers messages to all namespaces",
			Breaks: breaks("isolate-3 isolate-11..17"),
			spoil:  confusedChannels(allOne),
		},
		{
			Name:   "acknowledgements-without-namespace",
			Does:   "delivers messages that are to be acknowledged to all namespaces, and counts who takes them",
			Breaks: breaks("isolate-4..5"),
			spoil:  confusedAcks(allOne),
		},
		{
			Name:   "leader-without-namespace",
			Does:   "has one leader for all namespaces",
			Breaks: breaks("isolate-9 isolate-11..16"),
			spoil:  each(oneLeader),
		},
		{
			Name:   "figures-without-namespace",
			Does:   "counts the members of all namespaces in the stats",
			Breaks: breaks("isolate-10..16"),
			spoil: figures(func(a *adapter, stats *coordination.Stats) {
				stats.ClusterSize = 0
				for _, namespace := range a.backend.namespaces() {
					nodes, _ := a.backend.in(namespace).ListNodes(context.Background())
					stats.ClusterSize += len(nodes)
				}
			}),
		},
	}
}

// misreadNamespaces are faults that take a namespace for another.
func misreadNamespaces() []Fault {
	return []Fault{}
}
