// Package coordkit holds nothing but the go:generate lines of the module; its
// code is in the packages below it, of which coordination, the port, is the one
// to read first.
package coordkit

// One file of mocks for each file of the port. "make generate" runs these
// lines, and "make check" fails when what is checked in differs from what they
// give.

//go:generate -command mock go run go.uber.org/mock/mockgen -typed -package mocks -write_package_comment=false
//go:generate mock -destination mocks/coordination.go github.com/riptidecrawler/coordkit/coordination DistributedCoordination
//go:generate mock -destination mocks/messaging.go github.com/riptidecrawler/coordkit/coordination Messaging,Subscription
//go:generate mock -destination mocks/keystore.go github.com/riptidecrawler/coordkit/coordination KeyStore
//go:generate mock -destination mocks/membership.go github.com/riptidecrawler/coordkit/coordination Membership
//go:generate mock -destination mocks/leadership.go github.com/riptidecrawler/coordkit/coordination Leadership,Elections
//go:generate mock -destination mocks/diagnostics.go github.com/riptidecrawler/coordkit/coordination Diagnostics
