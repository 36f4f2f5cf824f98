defmodule Todo.DatabaseWorker do
  @moduledoc """
  One worker of the database, found with `Todo.Database.choose_worker/1`. It serves any key, but only the worker
  that is chosen for a key keeps the order of what is asked for it.
  """

  @doc "Stores a term without waiting."
  @spec store(pid(), :todo.name(), term()) :: :ok
  def store(worker_pid, key, data), do: GenServer.cast(worker_pid, {:store, key, data})

  @doc "The term under a key, `nil` where there is none."
  @spec get(pid(), :todo.name()) :: term()
  def get(worker_pid, key), do: GenServer.call(worker_pid, {:get, key})
end
