"""Edge maps: from labels and photographs, their normals, thinner ones."""
