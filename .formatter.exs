[
  inputs: ["mix.exs", ".formatter.exs", "scripts/*.exs", "src/todo/*.ex", "test/elixir/*.exs"],
  line_length: 110
]
