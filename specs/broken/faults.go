package broken

import "slices"

// Faults returns all of them, each name once, in the order of the contract. Those
// that leave goroutines behind come last, as looking through these costs time.
func Faults() []Fault {
	return slices.Concat(
		publishFaults(),
		messageFaults(),
		patternFaults(),
		bufferFaults(),
		subscriptionFaults(),
		ackFaults(),
		valueFaults(),
		ttlFaults(),
		keysFaults(),
		deletingFaults(),
		leaseFaults(),
		namedElections(),
		contentionFaults(),
		memberFaults(),
		diagnosticsFaults(),
		isolationFaults(),
		argumentFaults(),
		errorFaults(),
		limitFaults(),
		confusedContexts(),
		closingFaults(),
		sharingFaults(),
		outageFaults(),
		redisFaults(),
		ignoredContexts(),
	)
}
