"""What a model costs: time by stage, memory, parameters and multiply-adds."""
