package honest

// promise is a sentence of the contract, as it stands in a comment of package
// coordination or in specs/CONTRACT.md.
type promise string

// What every method owes.
const (
	badArgument     promise = "A bad argument gives [ErrInvalidArgument], names the argument, and changes nothing."
	invalidArgument promise = "ErrInvalidArgument says that an argument is outside of what the method takes."
	afterClose      promise = "After Close every method gives [ErrClosed]."
	closed          promise = "ErrClosed says that the handle or the subscription has been closed."
	contextDone     promise = "A context that is done ends the call promptly, within 100 ms where it blocks, " +
		"with an error that matches context.Canceled or context.DeadlineExceeded."
	contextErrors promise = "The errors of a context are passed through as they are."
	zeroValues    promise = "With an error, all other results are zero values."
	legalLengths  promise = "Names (of channels, patterns, keys and nodes) are any 1 to [MaxNameLen] bytes, " +
		"payloads (of messages, values and metadata) any 0 to [MaxPayloadLen] bytes."
	closedAgain promise = "It is idempotent and returns nil when called again."
)

// Which errors the methods have.
const (
	mostErrors          promise = "Errors: ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err()."
	nameless            promise = "Errors: ErrInvalidArgument (a nil context), ErrClosed, ErrUnavailable, ctx.Err()."
	errorsOfDeleteMany  promise = "Errors: ErrInvalidArgument (nothing was removed), ErrClosed, ErrUnavailable, ctx.Err()."
	errorsOfHealthCheck promise = "Errors: ErrUnavailable if the backend can't be reached; " +
		"ErrInvalidArgument (a nil context), ErrClosed, ctx.Err()."
	errorsOfHeartbeat promise = "Errors: ErrNotRegistered where nodeID is unknown or its time to live has " +
		"ended (nothing is registered then); ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err()."
	errorsOfPublishWithAck promise = "Errors: ErrNoSubscribers where none was there (at once where the backend " +
		"can know it), or all were closed before they took it; ErrAckTimeout where some are there and none " +
		"took it in time; ErrInvalidArgument, ErrClosed, ErrUnavailable, ctx.Err()."
	errorsOfNext promise = "Errors: ErrMessagesLost, ErrClosed, ErrInvalidArgument (a nil context), ctx.Err()."
)

// Messages.
const (
	acksWithError promise = "With an error the number is 0."
	subscribes    promise = "Subscribe opens a subscription to the channels that pattern matches, as [Match] " +
		"decides; a pattern without wildcards is one channel."
	onlyMatching promise = "It does not deliver to a subscription whose pattern does not match."
	ownPattern   promise = "Pattern is the pattern of the subscription, as Subscribe was given it."
	payloads     promise = "Payload holds the published bytes and belongs to the receiver. It is never nil."
	stamps       promise = "It is zero where that is not known, or where it would lie after the receipt " +
		"because the clocks disagree."
	lostType  promise = "The error's type is [*MessagesLostError]."
	lostCount promise = "Count is the number of messages that were lost, 0 where it is not known " +
		"(a broken connection does not tell what it would have carried)."
	nothingAfterClose promise = "ErrClosed is the end: the subscription or its handle was closed, " +
		"and no message is delivered after that."
	subscriptionCloses promise = "It is idempotent, does not block on the backend, and returns nil."
)

// Keys and members.
const (
	gets      promise = "Get returns the value of key, and whether it is there."
	foundKey  promise = "A missing key is not an error; an empty value is found, as an empty slice."
	listsKeys promise = "Keys returns the keys that pattern matches as a whole, as [Match] decides: " +
		"each once, in ascending order of their bytes, never nil."
	deletesMany promise = "DeleteMany removes the keys and returns how many of them were there, " +
		"one that is named twice counted once."
	listsNodes     promise = "ListNodes returns the live members in ascending order of their bytes, never nil."
	listsNodesOnce promise = "It replaces the metadata of a node that registers again, also by none, and lists it once."
	tellsMetadata  promise = "NodeMetadata returns the metadata of a live member, and whether there is such a member."
	foundNode      promise = "Without metadata it is an empty slice, and found."
)

// The lease.
const (
	newTerm promise = "Each new acquisition has a term strictly greater than every term before it in the " +
		"namespace, also after a release or an expiry."
	positiveTerm promise = "Terms are greater than zero and not consecutive."
	refusedTerm  promise = "If acquired is false, term is 0."
	releases     promise = "ReleaseLeadership frees the lease at once if this candidate holds it and returns true."
	tellsLeader  promise = "Leader returns who holds the lease, and whether anyone does."
	leaderNode   promise = "NodeID is the node ID with which the lease was acquired."
	remaining    promise = "Remaining is what was left of the lease, by the backend's clock, when it answered. " +
		"It is more than zero."
	remainingMost promise = "It tells how much of the lease is left: at most its time to live, " +
		"and less as time passes."
)

// Figures.
const (
	countsSubscriptions promise = "Subscriptions is the number of this handle's open subscriptions."
	countsMembers       promise = "ClusterSize is the number of live members of the namespace."
	ratesPublished      promise = "PublishRate is how many messages this handle has published per second, " +
		"as a mean over the last ten seconds."
	ratesReceived promise = "ReceiveRate is how many messages this handle's subscriptions have returned from " +
		"Next per second, as a mean over the last ten seconds."
	namesBackend promise = "It names the kind of backend and the namespace, and while healthy no degradation."
)
