# CSV files (RFC 4180) for the scripts beside this folder. Needs only perl-base, and gzip for compressed input.
package Csv;
use strict;
use warnings;

# What happens on bad input; a script puts its own in place, which names it and ends it.
our $fail = sub { die "$_[0]\n" };

# The bytes of a file; of standard input for '-' or no path.
sub read_file {
  my ($path) = @_;
  my $in;
  if (!defined $path || $path eq '-') { $in = \*STDIN; }
  elsif ($path =~ /\.gz$/) { open($in, '-|', 'gzip', '-dc', '--', $path) or $fail->("cannot run gzip: $!"); }
  else { open($in, '<', $path) or $fail->("cannot open '$path': $!"); }
  binmode $in;
  local $/;
  my $text = <$in>;
  close $in or $fail->("cannot read '" . ($path // '-') . "'");
  return $text // '';
}

# The records of a text, the header first, each a list of fields.
sub parse {
  my ($text) = @_;
  $text =~ s/^\xEF\xBB\xBF//;
  my (@rows, @row);
  pos($text) = 0;
  while (pos($text) < length $text) {
    if ($text =~ /\G"((?:[^"]|"")*+)"/gc) { (my $field = $1) =~ s/""/"/g; push @row, $field; }
    elsif ($text =~ /\G([^",\r\n]*)/gc) { push @row, $1; }
    next if $text =~ /\G,(?=.)/gcs;
    if ($text =~ /\G(?:\r?\n|\z)/gc) { push @rows, [@row]; @row = (); next; }
    $fail->('row ' . scalar(@rows) . ': a quote is misplaced');
  }
  return \@rows;
}

# A field as it stands in a file.
sub field {
  my ($field) = @_;
  return $field unless $field =~ /[",\r\n]/;
  $field =~ s/"/""/g;
  return "\"$field\"";
}

1;
