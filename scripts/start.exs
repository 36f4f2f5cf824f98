# Starts the node for `make run` and says what to type. PERSIST and SNAME choose the folder and the name.
for {key, variable} <- [persist: "PERSIST", sname: "SNAME"], value = System.get_env(variable) do
  Application.put_env(:todo, key, value)
end

# What the node has to say about a connection or a restart would come between the lines of the shell.
Application.put_env(:todo, :log_level, Application.get_env(:todo, :log_level, "warn"))

# A start that fails is explained here, in one line, instead of by every supervisor on the way.
:ok = :logger.add_primary_filter(:starting, {&:logger_filters.domain/2, {:stop, :sub, [:otp]}})
started = :todo.start()
:ok = :logger.remove_primary_filter(:starting)

fail = fn text ->
  IO.puts(:stderr, "The node did not start: #{text}")
  System.halt(1)
end

case started do
  :ok ->
    IO.puts("""
    The node #{:todo.node()} is running; its lists are in #{Path.expand(Application.get_env(:todo, :persist))}. Try:
      {:ok, cache} = Todo.Cache.start(); bob = Todo.Cache.server_process(cache, "bob")
      Todo.Server.add_entry(bob, %{date: ~D[2023-12-19], title: "Dentist"}); Todo.Server.entries(bob, ~D[2023-12-19])
    """)

    IEx.configure(alive_prompt: "%prefix(%counter)>")

  {:error, {:todo, {{:shutdown, {:failed_to_start_child, :todo_node, reason}}, _mfa}}} ->
    case reason do
      {:exit_status, status, line} -> fail.("#{line} (exit status #{status})")
      _other -> fail.(inspect(reason))
    end

  {:error, reason} ->
    fail.(inspect(reason))
end
