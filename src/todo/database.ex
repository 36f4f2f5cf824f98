defmodule Todo.Database do
  @moduledoc """
  The database on the node: terms under keys, each key with one of a pool of workers.
  """

  @doc "The pid of the database that runs on the node, which is started where it is not running."
  @spec start() :: {:ok, pid()} | :todo.refused()
  def start, do: Todo.System.whereis(__MODULE__)

  @doc "Stores a term without waiting. `store!/2` waits until it is on disk."
  @spec store(:todo.name(), term()) :: :ok
  def store(key, data), do: GenServer.cast(database(), {:store, key, data})

  @doc "Stores a term and returns once it is on disk."
  @spec store!(:todo.name(), term()) :: :ok | :todo.refused()
  def store!(key, data), do: :todo_call.call(GenServer, database(), {:store, key, data})

  @doc "The term under a key, `nil` where there is none."
  @spec get(:todo.name()) :: term()
  # Not by :todo_call: what was stored may be {:exit, _}.
  def get(key), do: GenServer.call(database(), {:get, key})

  @doc "Deletes a key; returns once that is on disk."
  @spec delete(:todo.name()) :: :ok | :todo.refused()
  def delete(key), do: :todo_call.call(GenServer, database(), {:delete, key})

  @doc """
  Moves a key's file out of the way, as it is, and gives its new name in the folder. For a file that is corrupt: the list
  begins anew, the file is kept.
  """
  @spec set_aside(:todo.name()) :: {:ok, String.t()} | :todo.refused()
  def set_aside(key), do: :todo_call.call(GenServer, database(), {:set_aside, key})

  @doc "The keys on disk."
  @spec keys() :: [:todo.name()] | :todo.refused()
  def keys, do: :todo_call.call(GenServer, database(), :keys)

  @doc "The worker that reads and writes this key: the one with the index `:erlang.phash2(key, n)`."
  @spec choose_worker(:todo.name()) :: pid() | :todo.refused()
  def choose_worker(key), do: :todo_call.call(GenServer, database(), {:choose_worker, key})

  defp database, do: {__MODULE__, :todo.node()}
end
