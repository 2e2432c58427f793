import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { Secret } from '../kernel/index.ts'

/** `certconnector page-user`: the line of one user of the page mscep_admin. The password comes on standard input only. */
export function addPageUserCommand(program: Command): void {
  program
    .command('page-user')
    .description('print the line of a user of the page mscep_admin, for ndes.usersFile')
    .argument('<name>', 'name to log in with')
    .addHelpText(
      'after',
      `
The password, 12 characters or more, is read from standard input; a line feed at its end does not
count. Only its hash (scrypt) is printed.`,
    )
    .action(async (name: string) => {
      if (process.stdin.isTTY) process.stderr.write('Type the password, then Enter and Ctrl-D:\n')
      const password = new Secret(readFileSync(0, 'utf8').replace(/\r?\n$/, ''))
      const { encodePageUser } = await import('../compose/index.ts')
      process.stdout.write(`${await encodePageUser(name, password)}\n`)
    })
}
