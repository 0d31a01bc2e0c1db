package pod

import (
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"loumiao/game/pb"
)

// collector exposes the figures of the machine and of the pod's nodes, as they were at the last sample.
//
//	pod_machine_cpus                   pod_node_running            1 while it runs      pod_node_memory_bytes
//	pod_machine_cpu_seconds_total      pod_node_restarts_total     by themselves        pod_node_cpu_seconds_total
//	pod_machine_memory_bytes           pod_node_failures           in a row
//	pod_machine_memory_used_bytes      pod_node_next_start_seconds until it is started
//	pod_machine_disk_bytes             pod_process_memory_bytes    of the pod itself, with the nodes that run in it
//	pod_machine_disk_used_bytes        pod_process_cpu_seconds_total
type collector struct{ pod *Pod }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("pod_"+name, help, labels, nil)
}

var perNode = []string{"type", "node"}

// Describe is for Prometheus: what there is to collect, it finds out by collecting.
func (c collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect is for Prometheus.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(describe(name, help, perNode[:len(labels)]...), prometheus.GaugeValue, value, labels...)
	}
	counter := func(name, help string, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(describe(name, help, perNode[:len(labels)]...), prometheus.CounterValue, value, labels...)
	}
	s := c.pod.figures.Load()
	if s != nil {
		m, own := s.machine, s.processes[os.Getpid()]
		gauge("machine_cpus", "CPUs of the machine.", float64(m.CPUs))
		counter("machine_cpu_seconds_total", "CPU time used on the machine, of all CPUs.", m.BusySeconds)
		gauge("machine_memory_bytes", "Memory of the machine.", float64(m.Memory))
		gauge("machine_memory_used_bytes", "Memory of the machine that is not available.", float64(m.UsedMem))
		gauge("machine_disk_bytes", "Size of the file system of the data directory.", float64(m.Disk))
		gauge("machine_disk_used_bytes", "Used space of that file system.", float64(m.UsedDisk))
		gauge("process_memory_bytes", "Resident memory of the pod's process.", float64(own.Memory))
		counter("process_cpu_seconds_total", "CPU time of the pod's process.", own.CPUSeconds)
	}
	for _, child := range c.pod.all() {
		n := c.pod.describe(child)
		labels := []string{n.GetType(), strconv.Itoa(int(n.GetNode()))}
		running, wait := 0.0, 0.0
		if n.GetState() == pb.PodNodeState_POD_NODE_STATE_RUNNING {
			running = 1
		}
		if next := n.GetNextStartMs(); next != 0 {
			wait = max(0, time.Until(time.UnixMilli(next)).Seconds())
		}
		gauge("node_running", "1 while the node runs.", running, labels...)
		counter("node_restarts_total", "Restarts of the node after it had ended by itself.", float64(n.GetRestarts()), labels...)
		gauge("node_failures", "How often the node has failed in a row.", float64(n.GetFailures()), labels...)
		gauge("node_next_start_seconds", "Time until the node is started again; 0 unless it is failing.", wait, labels...)
		if f := n.GetProcess(); s != nil && f != nil {
			gauge("node_memory_bytes", "Resident memory of the node's process.", float64(f.GetMemoryBytes()), labels...)
			counter("node_cpu_seconds_total", "CPU time of the node's process.", f.GetCpuSeconds(), labels...)
		}
	}
}
