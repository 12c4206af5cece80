"""What is on the network, asked without a login: the questions recorders answer to anybody."""
