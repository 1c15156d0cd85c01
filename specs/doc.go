// Package specs is the behavioural contract of coordination.DistributedCoordination,
// as Ginkgo specs that run against any adapter. Whoever writes an adapter hands
// over a factory of subjects and gets every promise of the port checked, one
// sentence each; the sentences of a run are the documentation of the port
// (CONTRACT.md is made of them).
//
//	var suite *testing.T
//
//	func TestContract(t *testing.T) {
//		suite = t
//		RegisterFailHandler(Fail)
//		RunSpecs(t, "etcd")
//	}
//
//	var _ = specs.Contract("etcd", func() specs.Subject { return newSubject() })
//
// A subject opens handles, and that is all it must be able to do. What else it
// can do it shows by implementing the optional interfaces of this package, from
// [VirtualTime] to [Foreign]. A behaviour that needs a power which the subject
// does not have is reported as skipped, with "not checked" and the reason, never
// as passed.
//
// Each spec works in a namespace of its own with a random name, opens its own
// handles, and closes them; subjects can share a live backend.
package specs
