package journal

// Flushed reports whether nothing is in memory.
func (j *Journal) Flushed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records+j.leavingRecords == 0
}
