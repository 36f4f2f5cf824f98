defmodule Todo.Server do
  @moduledoc """
  One to-do list: a process on the node, found with `Todo.Cache.server_process/1`.

  Calls exit as `GenServer.call/2` does; what the node refuses is returned as `{:error, reason}`.
  """

  @type t :: :todo.list_server()

  @doc "The process of the list `name`, started if it is not running."
  @spec start(:todo.name()) :: {:ok, t()} | :todo.refused()
  def start(name) do
    with :ok <- :todo.start(),
         pid when is_pid(pid) <- Todo.Cache.server_process(name) do
      {:ok, pid}
    end
  end

  @doc "Adds an entry without waiting. `sync/1` tells when it is on disk, `add_entry!/2` waits."
  @spec add_entry(t(), :todo.entry()) :: :ok
  def add_entry(todo_server, new_entry), do: GenServer.cast(todo_server, {:add_entry, new_entry})

  @doc "Adds an entry and returns its id once it is on disk."
  @spec add_entry!(t(), :todo.entry()) :: {:ok, :todo.id()} | :todo.refused()
  def add_entry!(todo_server, new_entry), do: :todo_call.call(GenServer, todo_server, {:add_entry, new_entry})

  @doc "Adds all of the entries or none, in one disk write."
  @spec add_entries(t(), Enumerable.t()) :: {:ok, [:todo.id()]} | :todo.refused()
  def add_entries(todo_server, new_entries) do
    :todo_call.call(GenServer, todo_server, {:add_entries, Enum.to_list(new_entries)})
  end

  @doc "All entries, by ascending id."
  @spec entries(t()) :: [:todo.entry()] | :todo.refused()
  def entries(todo_server), do: :todo_call.call(GenServer, todo_server, :entries)

  @doc "The entries of a date, by ascending id."
  @spec entries(t(), :todo.date()) :: [:todo.entry()] | :todo.refused()
  def entries(todo_server, date), do: :todo_call.call(GenServer, todo_server, {:entries, date})

  @doc "The entry with this id."
  @spec entry(t(), :todo.id()) :: :todo.entry() | nil | :todo.refused()
  def entry(todo_server, entry_id), do: :todo_call.call(GenServer, todo_server, {:entry, entry_id})

  @doc "The number of entries."
  @spec size(t()) :: non_neg_integer() | :todo.refused()
  def size(todo_server), do: :todo_call.call(GenServer, todo_server, :size)

  @doc """
  Replaces an entry by another, or by what the function makes of it; returns once that is on disk.

  The function runs here and is called again with the newer entry where somebody else changed it meanwhile, so
  that no change is lost. The id stays. An unknown id is `{:error, :not_found}`.
  """
  @spec update_entry(t(), :todo.id(), :todo.entry() | (:todo.entry() -> :todo.entry())) ::
          :ok | :todo.refused()
  def update_entry(todo_server, entry_id, entry_or_updater_fun) do
    :todo.update_entry(todo_server, entry_id, entry_or_updater_fun)
  end

  @doc "Deletes an entry; `:ok` for an unknown id too. Returns once that is on disk."
  @spec delete_entry(t(), :todo.id()) :: :ok | :todo.refused()
  def delete_entry(todo_server, entry_id),
    do: :todo_call.call(GenServer, todo_server, {:delete_entry, entry_id})

  @doc "Returns once everything that this list has accepted is on disk."
  @spec sync(t()) :: :ok | :todo.refused()
  def sync(todo_server), do: :todo_call.call(GenServer, todo_server, :sync)

  @doc """
  Tells a process, on whatever node, of each change of the list from now on, once the change is on disk.

  It is sent `{:todo_event, todo_server, seq, change}`, where `change` is `{:add_entry, entry}`,
  `{:update_entry, entry}` or `{:delete_entry, id}`. The answer has the number of the last change before the events;
  each event's is one more than that of the one before.

  To follow a list, subscribe, monitor it, read `entries/1` and apply the events by id: the entries may already show
  what an event still tells. When the list ends, whoever wants to go on subscribes to the next
  `Todo.Cache.server_process/1`. A process that ends is no subscriber any more.
  """
  @spec subscribe(t(), pid()) :: {:ok, :todo.seq()} | :todo.refused()
  def subscribe(todo_server, pid \\ self()), do: :todo_call.call(GenServer, todo_server, {:subscribe, pid})

  @doc """
  The same for a `GenServer` that must not be flooded: with `ack: milliseconds` each event is a call, and the next one
  comes when that is answered.

  A subscriber that does not answer in time, or for which too much waits, is sent
  `{:todo_unsubscribed, todo_server, seq, reason}` with the last number that it answered, and nothing more.
  """
  @spec subscribe(t(), pid(), ack: pos_integer()) :: {:ok, :todo.seq()} | :todo.refused()
  def subscribe(todo_server, pid, options),
    do: :todo_call.call(GenServer, todo_server, {:subscribe, pid, options})

  @doc "Tells the process nothing more; `:ok` too where it was no subscriber."
  @spec unsubscribe(t(), pid()) :: :ok | :todo.refused()
  def unsubscribe(todo_server, pid \\ self()),
    do: :todo_call.call(GenServer, todo_server, {:unsubscribe, pid})
end
