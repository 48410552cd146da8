// Package optim implements the optimizers and learning-rate schedules of the experiments: Adam with coupled L2 (the chapter's),
// AdamW, SGD with momentum, Muon, and lookahead. The results of Adam, AdamW and SGD agree with torch.optim. An optimizer is a
// GoMLX optimizer.Interface; Options selects one by name.
package optim
