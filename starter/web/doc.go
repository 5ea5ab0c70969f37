// Package web is the page for people: nights, one night live and the morning
// after, its jobs with their receipts, what a batch would cost, schedules, and
// what the last thirty nights cost. starter serve mounts it beside the HTTP
// API; both go through starter/nightly, starter/books and starter/estimate, so
// they show the same numbers as the shell.
//
// Pages are made on the server and work without a script but for the charts.
// With one, a night moves by server-sent events. Nothing is loaded from another
// host, and the pages' policy says so to the browser. What changes something
// needs the operate scope, and a request that comes from this site.
package web
