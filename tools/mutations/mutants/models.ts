import { type Mutant, mutants } from './mutant.ts'

/** Mutants of the statements. */
export const MODELS_MUTANTS: readonly Mutant[] = [
  ...mutants(
    'the first wall',
    'models/tasks/sql.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a task is looked for among everybody’s',
        [['todo.tasks where user_id = $1 and id = $2 and', 'todo.tasks where id = $2 and']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/task.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the id of another user counts as taken',
        [
          [
            'exists (select 1 from todo.tasks where user_id = $1 and id = $2)',
            'exists (select 1 from todo.tasks where id = $2)',
          ],
        ],
        'the first wall alone',
      ],
      [
        'a change forgets its owner',
        [['from turn where user_id = $1 and id', 'from turn where id']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/list-sql.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'listTasks forgets its owner',
        [[`where user_id = $1 and \${from}`, `where \${from}`]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/move.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a move reads the order of all users',
        [['todo.tasks where user_id = $1 and id <> $2', 'todo.tasks where id <> $2']],
        'the first wall alone',
      ],
      [
        'a move gives tasks of others a position',
        [['where user_id = $1 and id = task and', 'where id = task and']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the order',
    'models/tasks/move.ts',
    ['api/move.test.ts', 'the manual order on postgres'],
    [
      [
        'a move reads positions before it has the lock',
        [['deleted_at is null for no key update', 'deleted_at is null']],
        'a move sees the move',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/scan.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a sorted list forgets its owner',
        [[`where user_id = $1 and id > \${after} and`, `where id > \${after} and`]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/found.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a page of a sorted list reads tasks of others with the same ids',
        [['todo.tasks where user_id = $1 and', 'todo.tasks where']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/scan.ts',
    ['models/examined.test.ts', 'the tasks that a statement examines, on postgres'],
    [
      [
        'the end of a part is the id of a task of others',
        [
          [
            `todo.tasks where user_id = $1 and id > \${after} order`,
            `todo.tasks where id > \${after} order`,
          ],
        ],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/overview.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the numbers of tasks forget their owner',
        [['todo.tasks where user_id = $1 and', 'todo.tasks where']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/trash.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a restored task of another user lowers the first position',
        [
          [
            'select min(position) from todo.tasks where user_id = $1 and',
            'select min(position) from todo.tasks where',
          ],
        ],
        'the first wall alone, past every policy: restores',
      ],
      [
        'a purge forgets its owner',
        [['from locked where user_id = $1 and', 'from locked where']],
        'the first wall alone',
      ],
      [
        'a purge overwrites the responses of others',
        [['gone where user_id = $1 and task_id', 'gone where task_id']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/changes/changes.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the feed forgets its owner',
        [['where user_id = $1 and seq > $2', 'where seq > $2']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the feed',
    'models/changes/changes.ts',
    ['api/changes.test.ts', 'the feed of changes on postgres'],
    [['a token of another epoch is accepted', [['$5 <> epoch or ', '']], '410 for a token']],
  ),
  ...mutants(
    'the feed',
    'models/tasks/task.ts',
    ['models/changes-race.test.ts', 'a reader of changes beside writers on postgres'],
    [
      [
        'a change counts by itself',
        [['seq = next from turn', 'seq = seq + 1 from turn']],
        'its picture',
      ],
    ],
  ),
  ...mutants(
    'the feed',
    'models/tasks/sql.ts',
    ['models/changes-race.test.ts', 'a reader of changes beside writers on postgres'],
    [
      [
        'numbers are those of a clock that does not wait for the commit',
        [
          [
            'set seq = seq + 1$',
            'set seq = greatest(seq, (extract(epoch from clock_timestamp()) * 1000)::bigint)$',
          ],
        ],
        'its picture',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/once.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'a key is looked for among everybody’s',
        [['idempotency_keys where user_id = $1 and key = $4', 'idempotency_keys where key = $4']],
        'the first wall alone',
      ],
      [
        'a key is kept for another',
        [['task_id) select $1, $4, $5, json', `task_id) select 'alice', $4 || '2', $5, json`]],
        'insertTaskOnce',
      ],
      [
        'toggleTaskOnce forgets its owner',
        [[`where user_id = $1 and id = $2 and \${ALIVE}`, `where id = $2 and \${ALIVE}`]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/columns.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'insertTask writes another’s task',
        [[`setBy: 'insertion', insert: '$1' }`, `setBy: 'insertion', insert: "'alice'" }`]],
        'insertTask',
      ],
      [
        'insertTaskOnce writes another’s task',
        [[`setBy: 'insertion', insert: '$1' }`, `setBy: 'insertion', insert: "'alice'" }`]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'models/tasks/task.ts',
    ['api/batch.test.ts', 'a batch on postgres'],
    [
      [
        'an operation that finds nothing leaves the others done',
        [[`union all select todo.refuse(\${outcome}), null`, `union all select \${outcome}, null`]],
        'a failure is that of the operation alone',
      ],
      [
        'a create with the id of a deleted task leaves the others done',
        [['taken as (insert into todo.tasks select *', 'taken as (select *']],
        'a failure is that of the operation alone',
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'models/tasks/batch.ts',
    ['api/batch.test.ts', 'a batch on postgres'],
    [
      ['a dry run is not undone', [[', [ROLLBACK])', ', [])']], 'a dry run'],
      [
        'a used key does not stop the batch',
        [["select todo.refuse('claimed') from claim", "select 'claimed' from claim"]],
        'with an Idempotency-Key it is done once',
      ],
      [
        'a stored response may have any length',
        [["select todo.refuse('large') from (", "select 'large' from ("]],
        '413 for a response that is too long to store',
      ],
      [
        'the user is not locked first',
        [['sql: LOCK,', 'sql: sql(`select 1`),']],
        'one (batch|new task) for',
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'models/tasks/creations.ts',
    ['api/batch-creations.test.ts', 'creations in a batch on postgres'],
    [
      [
        'the tasks of one statement have one number',
        [[', before + nth\n', ', before + 1\n']],
        'of several requests at once',
      ],
      [
        'the counter is raised by one for all of them',
        [[`set seq = seq + \${COUNT}`, 'set seq = seq + 1']],
        'of several requests at once',
      ],
      [
        'the next task does not know the first position',
        [[`(select first from task where nth = \${COUNT})`, 'first_position']],
        'of several requests at once',
      ],
      [
        'a given position is not looked at when the next task is placed',
        [[", `($3::jsonb -> nth ->> 'position')`", ', `null::text`']],
        'do what the same requests do',
      ],
      [
        'a child is inserted before its parent',
        [['nth > 0 order by nth', 'nth > 0 order by nth desc']],
        'are one statement',
      ],
      [
        'the notes have the places of other operations',
        [['seq - before - 1 + $5::integer', 'seq - before + $5::integer']],
        'are one statement',
      ],
    ],
  ),
  ...mutants(
    'the batch',
    'api/tasks/batch.ts',
    ['api/batch-creations.test.ts', 'creations in a batch on postgres'],
    [
      [
        'a failure of several creations is that of the first',
        [['if (batch.isJoined(statement))', 'if (batch.isJoined(-1))']],
        '422 for the first child too many',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/creations.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the outcomes of creations are noted for another user',
        [['select $1, $4 || (seq', "select 'alice', $1 || $4 || (seq"]],
        'insertTasks',
      ],
      [
        'the tasks take the numbers of another user',
        [
          [
            'where id = $1 and deleted_at is null returning seq - ',
            "where id = left($1, 0) || 'alice' and deleted_at is null returning seq - ",
          ],
        ],
        'insertTasks',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/batch.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the stored response of another user is found',
        [
          [
            'from todo.idempotency_keys where user_id = $1\n     and',
            'from todo.idempotency_keys where',
          ],
          ['where user_id = $1 and key = $2 and', 'where key = $2 and'],
        ],
        'the first wall alone, past every policy: a batch',
      ],
      [
        'the key of another user counts as used',
        [['where user_id = $1 and key = $2)', 'where key = $2)']],
        'the first wall alone, past every policy: a batch',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/sql.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the outcome of an operation is noted for another user',
        [['select $1, $${values + 2}, outcome', "select 'alice', $1 || $${values + 2}, outcome"]],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'the first wall',
    'models/tasks/occurrence.ts',
    ['models/task.test.ts', 'statements on tasks, on postgres'],
    [
      [
        'the next occurrences of another user are found',
        [
          [
            'where user_id = $1 and id = any($2::uuid[]) and completed',
            'where id = any($2::uuid[]) and completed',
          ],
        ],
        'the first wall alone',
      ],
      [
        'the dates of another user are found',
        [
          [
            'where user_id = $1 and id = any($2::uuid[]) and recurrence',
            'where id = any($2::uuid[]) and recurrence',
          ],
        ],
        'the first wall alone',
      ],
      [
        'a next occurrence is stored with the response of another user',
        [['where user_id = $1 and key >= $3', 'where key >= $3']],
        'the first wall alone',
      ],
    ],
  ),
  ...mutants(
    'recurrence',
    'models/tasks/once.ts',
    ['api/recurrence.test.ts', 'recurring tasks on postgres'],
    [
      [
        'a repeated response has no next occurrence',
        [['as same, answer, next_id from', 'as same, answer, null::uuid as next_id from']],
        'a repeated request under a key',
      ],
    ],
  ),
  ...mutants(
    'recurrence',
    'core/recurrence/next-occurrence.ts',
    ['api/recurrence.test.ts', 'recurring tasks on postgres'],
    [
      ['COUNT is not looked at', [['made >= rule.count', 'false']], 'missed weeks come back once'],
      ['UNTIL is not looked at', [['date > rule.until', 'false']], 'missed weeks come back once'],
      [
        'a missed date comes back for itself',
        [['[firstDate, dueDate, today]', '[firstDate, dueDate]']],
        'missed weeks come back once',
      ],
    ],
  ),
  ...mutants(
    'the order',
    'models/tasks/move.ts',
    ['api/move.test.ts', 'the manual order on postgres'],
    [
      [
        'a task at the top does not lower the first position',
        [
          [
            'first_position = least(first_position, (select min(place) from placed))',
            'first_position = first_position',
          ],
        ],
        'a new task is before all others',
      ],
      [
        'tasks that get another position are not in the feed',
        [[`'seq = next - (select count(*) from placed) + nth'`, `'seq = todo.tasks.seq + 1'`]],
        'a gap that is used up',
      ],
    ],
  ),
  ...mutants(
    'the order',
    'models/tasks/trash.ts',
    ['api/move.test.ts', 'the manual order on postgres'],
    [
      [
        'a restored task is not looked at when a new one is placed',
        [['also: LOWER_TO_RESTORED,', '']],
        'a new task is before one that was restored',
      ],
    ],
  ),
  ...mutants(
    'the lists',
    'models/tasks/filters.ts',
    ['api/lists.test.ts', 'lists on postgres'],
    [
      [
        'a search finds tasks with one of the words',
        [['like all(', 'like any(']],
        'sort=title: as the model',
      ],
      [
        '% and _ stand for any text',
        [['escapeLike(fold(word))', 'fold(word)']],
        'sort=title: as the model',
      ],
      [
        'a task with one of the tags is shown',
        [['folded_tags @> ', 'folded_tags && ']],
        'sort=title: as the model',
      ],
    ],
  ),
  ...mutants(
    'the lists',
    'models/tasks/scan.ts',
    ['models/examined.test.ts', 'the tasks that a statement examines, on postgres'],
    [
      [
        'a search reads any number of long texts in one statement',
        [[`order by id limit \${candidates}`, 'order by id']],
        'the first wall alone, past every policy: a search reads',
      ],
    ],
  ),
  ...mutants(
    'the lists',
    'models/tasks/positions.ts',
    ['api/long-lists.test.ts', 'long lists on postgres'],
    [
      [
        'the server compares code units',
        [['weight(unitOfA) - weight(unitOfB)', 'unitOfA - unitOfB']],
        'the server merges titles',
      ],
      [
        'the server puts tasks without a value before the others',
        [
          [
            "Number(a.key === '') - Number(b.key === '')",
            "Number(b.key === '') - Number(a.key === '')",
          ],
        ],
        'sends a long list whole',
      ],
    ],
  ),
]
