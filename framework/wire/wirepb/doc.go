// Package wirepb is the control messages of the client protocol and the option that declares a message for clients, generated from
// framework/wire/proto by `task gen`.
package wirepb
