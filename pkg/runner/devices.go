package runner

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"

	"nndl.example/resnet18/pkg/backend"
)

// sharding splits each batch among several devices of this host: data parallelism. Every device has all weights and an equal
// part of the batch. The graph is that of a single device; GoMLX's AutoSharding passes it to XLA, whose partitioner compiles
// one program for all devices. So a mean over the batch, including that of batch norm, is over the whole batch (PyTorch calls
// this SyncBatchNorm), and training gives the results of one device, up to rounding.
//
// XLA on the CPU has virtual devices, which compute on the same cores: for tests, not for speed. See backend.PrepareDevices.
type sharding struct {
	mesh  *distributed.DeviceMesh
	parts *distributed.ShardingSpec // equal parts of the first axis, the batch
}

// newSharding returns nil for a single device.
func newSharding(b compute.Backend, devices int) (*sharding, error) {
	switch {
	case devices < 1:
		return nil, fmt.Errorf("runner: %d devices: want at least 1", devices)
	case devices == 1:
		return nil, nil
	case backend.IsPureGo(b):
		return nil, fmt.Errorf("runner: %d devices: pure Go supports only one: want 1, or an XLA backend", devices)
	case devices > b.NumDevices():
		return nil, fmt.Errorf("runner: %d devices: %s has %d: want at most that many (on the CPU, backend.PrepareDevices creates up to eight before XLA starts)",
			devices, backend.Describe(b), b.NumDevices())
	}
	mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"batch"})
	if err != nil {
		return nil, fmt.Errorf("runner: %d devices: %w", devices, err)
	}
	parts, err := distributed.BuildSpec(mesh).S("batch").Done()
	if err != nil {
		return nil, fmt.Errorf("runner: %d devices: %w", devices, err)
	}
	return &sharding{mesh, parts}, nil
}

// apply makes an Exec take its inputs in parts. All devices return the same results.
func (s *sharding) apply(e *model.Exec) {
	e.AutoSharding(s.mesh).WithInputShardingSpecs(s.parts, s.parts).WithOutputShardingSpecs(distributed.NewReplicatedShardingSpec(s.mesh))
}

// split splits tensors into parts and frees them.
func (s *sharding) split(whole ...*tensors.Tensor) (parts []*dtensor.Tensor, err error) {
	for _, t := range whole {
		p, err1 := dtensor.ShardTensor(s.parts, t)
		parts, err = append(parts, p), errors.Join(err, err1, t.FinalizeAll())
	}
	return parts, err
}

// trainStep updates the weights on all devices. The loader gathers the batch on the first device, and the parts are copied
// through the host's memory: a batch of 64 has 197 kB. All images on every device would save that copy and take 123 MB on each.
//
// A last batch that cannot be split equally is computed by the first device alone.
func (r *Runner) trainStep(batch train.Batch) ([]*tensors.Tensor, error) {
	if r.sharding == nil {
		return r.trainer.TrainStep(batch)
	}
	if batch.Inputs[0].Shape().Dim(0)%r.Config.Devices != 0 {
		batch.Spec = "one device" // so that GoMLX does not mix up its graph with the others'
		return r.trainer.TrainStep(batch)
	}
	inputs, err1 := r.sharding.split(batch.Inputs...)
	labels, err2 := r.sharding.split(batch.Labels...)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return r.trainer.DistributedTrainStep(distributed.AutoSharding, nil, train.DistributedBatch{Inputs: inputs, Labels: labels})
}

// score evaluates a batch and frees it. See scores.
func (r *Runner) score(images, labels *tensors.Tensor) (lossSum, right float64, err error) {
	var out []*tensors.Tensor
	if r.sharding == nil {
		out, err = r.eval.Call(images, labels)
		err = errors.Join(err, images.FinalizeAll(), labels.FinalizeAll())
	} else {
		var parts []*dtensor.Tensor
		if parts, err = r.sharding.split(images, labels); err != nil {
			return 0, 0, err
		}
		out, err = r.eval.Call(parts[0], parts[1]) // each device returns the two sums
		err = errors.Join(err, parts[0].Finalize(), parts[1].Finalize())
	}
	if err != nil {
		return 0, 0, err
	}
	lossSum, right = float64(tensors.ToScalar[float32](out[0])), float64(tensors.ToScalar[float32](out[1]))
	for _, t := range out {
		err = errors.Join(err, t.FinalizeAll())
	}
	return lossSum, right, err
}
