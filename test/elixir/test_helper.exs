# The environment names the folder and the node; every run has its own. The application starts when a test needs it.
:ok = Application.load(:todo)

for {key, variable} <- [persist: "PERSIST", sname: "SNAME"] do
  Application.put_env(:todo, key, System.fetch_env!(variable))
end

defmodule Eventually do
  @moduledoc "Waits for what sends no message."

  @deadline_ms 30_000

  def await(found, deadline \\ System.monotonic_time(:millisecond) + @deadline_ms) do
    cond do
      answer = found.() ->
        answer

      System.monotonic_time(:millisecond) >= deadline ->
        raise "deadline"

      true ->
        receive after: (5 -> await(found, deadline))
    end
  end
end

ExUnit.start(colors: [enabled: false], max_cases: 1)
