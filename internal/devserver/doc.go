// Package devserver runs Temporal's own development server as a child process
// on loopback: a real server, with a file that survives its end. The tests and
// the demo use it.
//
// In a test:
//
//	server := devserver.ForTest(t, devserver.Options{})
//	c, err := client.Dial(client.Options{HostPort: server.Address})
//
// A server with a DBFile can be stopped or killed and started again on its
// file, at the same address, which is how crashes of the server are tried out.
package devserver
