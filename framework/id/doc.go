// Package id holds the identities that every part of the framework shares, and makes new ones.
//
//	Node     which seat in the cluster: from configuration or the pod, the same after a restart
//	Boot     which life of that node: new at each start
//	Session  which client's session
//
// Ids for rows and sessions come from a [Generator]; node ids are claimed in SQL (see package lease), which is what makes
// a generator's ids unique over the whole cluster.
package id
