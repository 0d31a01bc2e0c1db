// Package area says when an area's days and weeks begin: at a reset hour in its time zone, so that players of one area share a morning.
//
//	calendars, err := area.NewCalendars([]area.Config{{ID: 1, TimeZone: "Asia/Shanghai", ResetHour: 5}})
//	today := calendars.Of(1).Day(time.Now())   // 20260131 until 5 o'clock on 1 February in Shanghai
//
// It knows no players and no clock, and keeps nothing. Days are numbers that grow with time, so that whoever has stored "on day 20260131" needs no
// job at midnight: the next day is simply another number.
package area
