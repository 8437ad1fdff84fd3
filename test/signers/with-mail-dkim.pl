# Signs, seals and verifies with Mail::DKIM what a test hands over as JSON: octets are latin1 text.
use strict;
use warnings;
use JSON::PP;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Net::DNS;

my $job = JSON::PP->new->utf8->decode(do { local $/; <STDIN> });
my $key = Mail::DKIM::PrivateKey->load(Data => $job->{pem} =~ s/-----.*?-----|\s//gr);

sub Records::send {
  my ($self, $name) = @_;
  my $packet = Net::DNS::Packet->new($name, 'TXT');
  my $record = $job->{records}{lc $name};
  $packet->push(answer => Net::DNS::RR->new(name => $name, type => 'TXT', ttl => 60, txtdata => $record)) if $record;
  return $packet;
}
Mail::DKIM::DNS::resolver(bless {}, 'Records');

sub read_by {
  my ($reader, $case) = @_;
  my $octets = $case->{message};
  utf8::downgrade($octets);
  $reader->PRINT($octets);
  $reader->CLOSE;
  return $reader;
}

sub sign {
  my ($case) = @_;
  my %how = (Algorithm => 'rsa-sha256', Method => $case->{c}, Domain => $case->{d}, Selector => $case->{s}, Key => $key);
  $how{Identity} = $case->{i} if defined $case->{i};
  $how{Headers} = join ':', @{ $case->{names} };
  return read_by(Mail::DKIM::Signer->new(%how), $case)->signature->as_string . "\r\n";
}

sub seal {
  my ($case) = @_;
  my %how = (Algorithm => 'rsa-sha256', Domain => $case->{d}, Selector => 'rsa', Key => $key, Chain => $case->{cv});
  my $signer = read_by(Mail::DKIM::ARC::Signer->new(SrvId => $case->{d}, %how), $case);
  return join "\r\n", $signer->as_strings, '';
}

sub verify {
  my ($case) = @_;
  my $verifier = read_by(Mail::DKIM::Verifier->new, $case);
  my ($signature) = $verifier->signatures;
  return $signature ? $signature->result_detail : $verifier->result_detail;
}

sub verify_chain {
  my ($case) = @_;
  return read_by(Mail::DKIM::ARC::Verifier->new, $case)->result_detail;
}

my $work = { sign => \&sign, seal => \&seal, verify => \&verify, 'verify chain' => \&verify_chain }->{ $job->{what} };
print JSON::PP->new->ascii->encode([map { $work->($_) } @{ $job->{cases} }]);
