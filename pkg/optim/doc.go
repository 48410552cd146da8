// Package optim has the optimizers and learning-rate schedules of the experiments: Adam with coupled L2 (the chapter's), AdamW,
// SGD with momentum, Muon, and lookahead. They give the numbers that torch.optim gives. An optimizer is a GoMLX
// optimizer.Interface; Options picks one by name.
package optim
