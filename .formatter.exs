[inputs: ["mix.exs", ".formatter.exs", "scripts/*.exs", "src/todo/*.ex"], line_length: 110]
