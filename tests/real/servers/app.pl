#!/usr/bin/perl
# A CGI program that writes down what its server made of each request, and answers what it was asked and by whom.
use strict;

sub quoted {
    my ($text) = @_;
    $text =~ s/([^ !#-\[\]-~])/sprintf('\\u%04x', ord $1)/ge;
    return "\"$text\"";
}

binmode STDIN;
my $body = 0;
while (my $count = read(STDIN, my $piece, 65536)) { $body += $count }
exit if $body < ($ENV{CONTENT_LENGTH} // 0); # it was cut off
my $fields = join ',', map { quoted(substr $_, 5) . ':' . quoted($ENV{$_}) } grep { /^HTTP_/ } keys %ENV;
my ($method, $target) = @ENV{qw(REQUEST_METHOD REQUEST_URI)};
open(my $seen, '>>', $ENV{SEEN}) or die $!;
syswrite $seen, sprintf(qq({"method":%s,"target":%s,"fields":{%s},"body":%d}\n),
    quoted($method), quoted($target), $fields, $body);
my $answer = "$method $target " . ($ENV{HTTP_X_FORWARDED_USER} // '-');
print "Status: 200\r\nX-App: 1\r\nContent-Length: ", length $answer, "\r\n\r\n", $answer;
