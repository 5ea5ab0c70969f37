// Package config reads the settings, once, from the environment. The two mains
// and their children call Load and pass the result down; nobody else asks the
// environment for anything.
//
// Temporal's own settings (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
// TEMPORAL_PROFILE, TLS, API key, a profile file) are read by its envconfig
// package: see Temporal.
package config
