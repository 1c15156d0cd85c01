// Package specs is the behavioural contract of coordination.DistributedCoordination.
// Whoever writes an adapter hands over a factory of subjects and gets every promise
// of the port checked, one sentence each; the sentences are the documentation of
// the port (CONTRACT.md is made of them).
//
// # To certify an adapter
//
// One method is enough, in a plain Go test:
//
//	type subject struct{ directory string }
//
//	func (s subject) Open(ctx context.Context, namespace string) (coordination.DistributedCoordination, error) {
//		return etcd.Open(ctx, s.directory, namespace)
//	}
//
//	func TestContract(t *testing.T) {
//		specs.Run(t, "etcd", func() specs.Subject { return subject{t.TempDir()} })
//	}
//
// [Contract] registers the same as Ginkgo specs, which can then share the cores
// (ginkgo --procs), and whose JSON report the command specs/matrix makes a page
// of. [Judge] needs no test framework, and returns a report.Report.
//
// What else a subject can do it shows by implementing optional interfaces:
// [VirtualTime], [Links], [Freezing], [Connections], [Backend], [Refusing],
// [Buffered], [Forgetful], [Foreign], [Versioned], [Scaled], [Deviant]. [Buffered] is the
// cheapest: a constant. A behaviour that needs a power which the subject does not
// have is reported as "not checked" with the reason, never as passed, and a run
// that checked nothing fails. A promise that the adapter is known to break is
// declared as a [Deviation], whose behaviour must fail each time; one that fails
// now and then can't be declared. An adapter's own promises are judged beside those
// of the contract as [Extra].
//
// # What a failure means
//
// "Failed" is a broken promise, with the place of the assertion and the last
// calls of each peer. "Subject at fault" is none: the factory or Open failed, two
// handles are one or share nothing, one of its powers failed, or the backend was
// gone. Whatever a call of the adapter's does, later behaviours still run: panics,
// goroutines that are left behind or ended, and calls that never return are
// failures of the behaviour in which they happen. Only a panic in a goroutine of
// the adapter's own ends the process, as in any Go program, and the test with it.
//
// # Where the behaviours come from
//
// Each has an identifier for ever, and the version of the contract that brought it
// ([Version], CHANGELOG.md). To add one: declare it with contract.it in the file of
// its theme, with the next free number, a sentence in the present tense and, from
// the second version on, since("2"); add it to CHANGELOG.md; add a broken adapter
// to specs/broken that only it catches, or name it where one breaks it already
// ("make prove" lists what nothing breaks); "make generate" writes CONTRACT.md.
//
// Each behaviour works in a namespace of its own with a random name that begins
// with "spec-", opens its own handles, and closes them; subjects can share a live
// backend.
package specs
