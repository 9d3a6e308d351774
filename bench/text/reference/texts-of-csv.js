#!/usr/bin/env node
// Prints column "note" of a CSV (RFC 4180) as a JSON list. Usage: texts-of-csv.js FILE.csv
'use strict'
const text = require('fs').readFileSync(process.argv[2], 'utf8')
const rows = [[]]
const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/gy
for (let match; field.lastIndex < text.length && (match = field.exec(text));) {
  rows[rows.length - 1].push(match[1].startsWith('"') ? match[1].slice(1, -1).replace(/""/g, '"') : match[1])
  if (match[2] !== ',') rows.push([])
}
const column = rows[0].indexOf('note')
process.stdout.write(JSON.stringify(rows.slice(1).filter(row => row.length > column).map(row => row[column])))
